import { expect, test } from "bun:test";
import { natsFromEnvironment } from "./environment.ts";

test("without NATS_URL there is no NATS", () => {
  expect(natsFromEnvironment({})).toBeUndefined();
  expect(natsFromEnvironment({ NATS_URL: "", NATS_USER: "runner" })).toBeUndefined();
});

test("servers, who we are, encryption and replicas come from the environment", () => {
  expect(natsFromEnvironment({ NATS_URL: "nats://a:4222, b,tls://[::1]:1" })).toEqual({
    servers: ["nats://a:4222", "b", "tls://[::1]:1"],
    tls: {},
  });
  expect(
    natsFromEnvironment({
      NATS_URL: "a",
      NATS_USER: "runner",
      NATS_PASSWORD: "p",
      NATS_CA: "/ca.pem",
      NATS_CERT: "/c.pem",
      NATS_KEY: "/k.pem",
      OW_BUS_REPLICAS: "3",
    }),
  ).toEqual({
    servers: ["a"],
    user: "runner",
    password: "p",
    // The only answers that the server lets this user hear: docs/bus.md.
    inboxPrefix: "_INBOX_runner",
    tls: { caFile: "/ca.pem", certFile: "/c.pem", keyFile: "/k.pem" },
    replicas: 3,
  });
  expect(natsFromEnvironment({ NATS_URL: "a", NATS_CREDS: "/x.creds" })).toEqual({
    servers: ["a"],
    credentialsFile: "/x.creds",
  });
});

test.each([
  { NATS_URL: "a b" },
  { NATS_URL: "http://a" },
  { NATS_URL: "a,," },
  { NATS_URL: "nats://user:password@a" },
  { NATS_URL: "a", NATS_USER: "runner" },
  { NATS_URL: "a", NATS_PASSWORD: "p" },
  { NATS_URL: "a", NATS_TOKEN: "t", NATS_CREDS: "c" },
  { NATS_URL: "a", NATS_CERT: "c" },
  { NATS_URL: "a", OW_BUS_REPLICAS: "2" },
  { NATS_URL: "a", OW_BUS_REPLICAS: "many" },
])("what cannot be meant is refused, and no password is told: %j", (env) => {
  const thrown = (() => {
    try {
      return natsFromEnvironment(env);
    } catch (error) {
      return error;
    }
  })();
  expect(thrown).toMatchObject({ code: "CONFIG_INVALID" });
  expect(String(thrown)).not.toContain("password@");
});
