import { expect, test } from "bun:test";
import { storageErrorName } from "@openworkers/core";
import { Guard } from "../../egress/guard/guard.ts";
import { Permissions } from "../../egress/guard/permissions.ts";
import { judgedBy } from "./judge-endpoint.ts";

const inside = [
  "http://127.0.0.1:9000",
  "http://localhost:9000",
  "http://2130706433:9000",
  "https://[::1]",
  "https://[::ffff:10.0.0.1]",
  "http://169.254.169.254/latest",
  "https://10.1.2.3",
  "http://192.168.1.1:8080",
  "http://metadata.google.internal",
];

test.each(inside)("%s is no place for a user's S3 server", async (endpoint) => {
  const refused: Error = await judgedBy(new Guard())(new URL(endpoint)).then(
    ({ address }) => new Error(`it may connect to ${address}`),
    (thrown: Error) => thrown,
  );
  expect(storageErrorName(refused)).toBe("unavailable");
  // The worker reads it.
  expect(refused.message).toBe("The platform does not connect to the bucket's S3 server.");
});

test("a public address is, and a private one that the operator permits", async () => {
  expect(await judgedBy(new Guard())(new URL("https://1.1.1.1:9000"))).toEqual({ address: "1.1.1.1" });
  const permissions = Permissions.parse(["10.0.0.0/8"]);
  expect(await judgedBy(new Guard({ permissions }))(new URL("http://10.1.2.3:9000"))).toEqual({
    address: "10.1.2.3",
  });
});
