import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { type LogLine, newId } from "@openworkers/core";
import { testFolder } from "../testing/files.ts";
import { isAnswering, untilServed } from "./client.ts";
import { formatRecord } from "./format.ts";
import { serveStatus } from "./server.ts";

function line(message: string): LogLine {
  return {
    time: 0,
    workerId: newId<"worker">(),
    worker: "shop",
    versionId: newId<"version">(),
    version: 3,
    kind: "line",
    level: "log",
    message,
  };
}

test("a platform answers on a socket in a folder that only its owner can open, until it has stopped", async () => {
  await using folder = await testFolder();
  const socket = join(folder.path, "private/logs.sock");
  expect(await isAnswering(socket)).toBe(false);
  const serves = (worker: string, version: number) => worker === "shop" && version === 3;
  const server = serveStatus(socket, { serves, readers: async () => 0, counts: async () => new Map() });
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  expect(statSync(join(socket, "..")).mode & 0o777).toBe(0o700);
  expect(await isAnswering(socket)).toBe(true);
  expect(await untilServed(socket, "shop", 3, AbortSignal.timeout(5_000))).toBe(true);
  expect(await untilServed(socket, "shop", 4, AbortSignal.timeout(50))).toBe(false);
  await server[Symbol.asyncDispose]();
  expect(await isAnswering(socket)).toBe(false);
});

test("a worker cannot send escape sequences to the reader's terminal", () => {
  const text = formatRecord(line("a\u001b]0;owned\u0007b\u009b2J\r"), { showWorker: false });
  expect(text.endsWith("a\\x1b]0;owned\\x07b\\x9b2J\\x0d")).toBe(true);
  const reversed = formatRecord(line("paid \u202enot\u2069"), { showWorker: false });
  expect(reversed.endsWith("paid \\u202enot\\u2069")).toBe(true);
  const colourful = formatRecord(line("GET \u001b[1;31m500\u001b[0m \u001b[2Kx \u0007[0m"), {
    showWorker: false,
  });
  expect(colourful.endsWith("GET 500 \\x1b[2Kx \\x07[0m")).toBe(true);
});
