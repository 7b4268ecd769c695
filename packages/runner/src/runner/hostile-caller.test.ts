import { afterAll, beforeAll, expect, test } from "bun:test";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { maxReports } from "@openworkers/core";
import { Message } from "capnp-es";
import { Message as Rpc } from "capnp-es/capnp/rpc";
import { startTestRunner, type TestRunner } from "./testing/test-runner.ts";

// A cell that was taken over, and says what no client of Cap'n Proto says to the worker that it is bound to.

let it: TestRunner;
let socketPath: string;
let brokerPath: string;
beforeAll(async () => {
  it = await startTestRunner();
  const workerId = await it.deploy(
    "called",
    `import { WorkerEntrypoint } from "cloudflare:workers";
     export default class extends WorkerEntrypoint { fetch() { return new Response("called") } }`,
  );
  const { namespaceId } = await it.createStores();
  await it.deploy("caller", "export default { fetch: (request, env) => env.OTHER.fetch(request) }", {
    bindings: { OTHER: { kind: "worker", workerId }, KV: { kind: "kv", namespaceId } },
  });
  expect(await it.text("caller")).toBe("called");
  const [name] = readdirSync(it.runtimeDir, { recursive: true })
    .map(String)
    .filter((path) => path.endsWith("/sockets/worker0"));
  socketPath = join(it.runtimeDir, name ?? "none");
  brokerPath = join(socketPath, "..", "broker");
});
afterAll(() => it[Symbol.asyncDispose]());

const call = (questionId: number): Buffer => {
  const message = new Message();
  const made = message.initRoot(Rpc)._initCall();
  made.questionId = questionId;
  // JsRpcTarget of workerd.
  made.interfaceId = 0xa1a96525142a9d98n;
  made._initTarget().importedCap = 1;
  return Buffer.from(message.toArrayBuffer());
};
const bootstrap = (questionId: number): Buffer => {
  const message = new Message();
  message.initRoot(Rpc)._initBootstrap().questionId = questionId;
  return Buffer.from(message.toArrayBuffer());
};

/** Opens a connection for calls, and sends `messages` as soon as it stands. Ends when the runner ends it. */
async function say(messages: readonly Buffer[]): Promise<void> {
  const socket = connect(socketPath);
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {});
  socket.write("CONNECT rpc HTTP/1.1\r\n\r\n");
  await once(socket, "data");
  socket.on("data", () => {});
  socket.write(Buffer.concat(messages));
  await closed;
}

const placesTaken = () => it.runner.cells().find(({ worker }) => worker === "called")?.inFlight;

test("calls under one number take no place in the called cell for good", async () => {
  await say(Array.from({ length: 20 }, () => call(1)));
  while (placesTaken() !== 0) await Bun.sleep(5);
  expect(await it.text("caller")).toBe("called");
});

test("questions that are no calls are as bounded as calls are", async () => {
  await say(Array.from({ length: 5_000 }, (_, index) => bootstrap(index)));
  while (placesTaken() !== 0) await Bun.sleep(5);
  expect(await it.text("caller")).toBe("called");
});

test("what is no call and what is no host fills the operator's log with a few lines", async () => {
  const before = it.reports.length;
  for (let count = 0; count < 3 * maxReports; count++) await say([Buffer.alloc(1_024, 0xff)]);
  const calls = it.reports.length - before;
  expect(calls).toBeGreaterThan(0);
  expect(calls).toBeLessThanOrEqual(maxReports);
  for (let count = 0; count < 3 * maxReports; count++) {
    const socket = connect(brokerPath);
    socket.on("error", () => {});
    socket.write("GET / HTTP/1.1\r\nHost: [\r\nX-Ow-Binding: KV\r\nConnection: close\r\n\r\n");
    socket.resume();
    await once(socket, "close");
  }
  const hosts = it.reports.length - before - calls;
  expect(hosts).toBeGreaterThan(0);
  expect(hosts).toBeLessThanOrEqual(maxReports);
  expect(await it.text("caller")).toBe("called");
});
