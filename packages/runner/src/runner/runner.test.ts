import { expect, test } from "bun:test";
import { changeValues, ensureWorkerEnvironment } from "@openworkers/db";
import { startTestRunner } from "./testing/test-runner.ts";

const says = (text: string): string =>
  `export default { fetch: () => new Response(${JSON.stringify(text)}) }`;

/** Asks until `done` says that the answer is the one waited for. */
async function until(ask: () => Promise<Response>, done: (text: string) => boolean): Promise<void> {
  while (!done(await (await ask()).text()));
}

test("a worker is served as soon as it is deployed, and its next version after it", async () => {
  await using it = await startTestRunner();
  expect((await it.get("hello")).status).toBe(404);
  await it.deploy("hello", says("one"));
  await until(
    () => it.get("hello"),
    (text) => text === "one",
  );
  await it.deploy("hello", says("two"));
  await until(
    () => it.get("hello"),
    (text) => text === "two",
  );
  expect(await (await it.get("1--hello")).text()).toBe("one");
});

test("a gradual deployment serves both versions in their shares", async () => {
  await using it = await startTestRunner();
  await it.deploy("hello", says("one"));
  await it.deploy("hello", says("two"), { percent: 50 });
  await until(
    () => it.get("hello"),
    (text) => text === "two",
  );
  const answers = new Set<string>();
  for (let index = 0; index < 64; index += 1) answers.add(await (await it.get("hello")).text());
  expect([...answers].sort()).toEqual(["one", "two"]);
});

test("a changed value reaches the worker without a deploy", async () => {
  await using it = await startTestRunner();
  await it.deploy("hello", "export default { fetch: (_, env) => new Response(String(env.NAME)) }");
  await until(
    () => it.get("hello"),
    (text) => text === "undefined",
  );
  const by = it.operator;
  const environmentId = await ensureWorkerEnvironment(it.database, { worker: "hello", by });
  await changeValues(it.database, { environmentId, by, set: [{ kind: "var", name: "NAME", value: "ow" }] });
  await until(
    () => it.get("hello"),
    (text) => text === "ow",
  );
});

test("an invocation is recorded with its worker, version, status and request id", async () => {
  await using it = await startTestRunner();
  await it.deploy("hello", "export default { fetch() { console.log('hi'); return new Response('x') } }");
  await until(
    () => it.get("hello", "/path?query"),
    (text) => text === "x",
  );
  const invocation = it.records.find((record) => record.kind === "invocation");
  expect(invocation).toMatchObject({
    worker: "hello",
    version: 1,
    status: 200,
    outcome: "ok",
    path: "/path",
  });
});

test("an uncaught exception is answered without a word of it, and logged with it", async () => {
  await using it = await startTestRunner();
  await it.deploy("broken", "export default { fetch() { throw new TypeError('a private detail') } }");
  await until(
    () => it.get("broken"),
    (text) => !text.includes("No worker"),
  );
  const response = await it.get("broken");
  expect(response.status).toBe(500);
  expect(response.headers.get("x-termination-reason")).toBe("exception");
  expect(await response.text()).not.toContain("private detail");
  const requestId = response.headers.get("x-request-id");
  while (!it.records.some((record) => record.kind === "line" && record.requestId === requestId))
    await Bun.sleep(5);
  expect(it.records).toContainEqual(
    expect.objectContaining({
      kind: "line",
      exception: expect.objectContaining({ name: "TypeError", message: "a private detail" }),
    }),
  );
});

test("nothing of it is left running when it is disposed of", async () => {
  const it = await startTestRunner();
  await it.deploy("hello", says("one"));
  await until(
    () => it.get("hello"),
    (text) => text === "one",
  );
  const [cell] = it.runner.cells();
  await it[Symbol.asyncDispose]();
  while (isAlive(cell?.pid ?? 0)) await Bun.sleep(5);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
