import { afterAll, beforeAll, expect, test } from "bun:test";
import { type Answer, type TestApi, testApi } from "./testing/api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await testApi();
}, 60_000);
afterAll(() => api[Symbol.asyncDispose]());

const many = 8;
const times = Array.from({ length: many }, (_, index) => index);
const ask = (method: string, path: string, json?: object): Promise<Answer> =>
  api.ask(path, { method, as: api.ada, ...(json === undefined ? {} : { json }) });
const statuses = (answers: readonly Answer[]) => answers.map(({ status }) => status).toSorted();

test("deploys of a worker at once are as many versions, and the last of them is live", async () => {
  const answers = await Promise.all(times.map((at) => api.deploy(api.ada, "deployed", {}, `// ${at}`)));
  expect(statuses(answers)).toEqual(times.map(() => 201));
  const versions = answers.map(({ body }) => body.version).toSorted((a, b) => a - b);
  expect(versions).toEqual(times.map((at) => at + 1));
  const { body } = await ask("GET", "/workers/deployed");
  expect(body.lastVersion).toBe(many);
  const [live] = (await ask("GET", "/workers/deployed/deployments")).body.items;
  expect(live.versions).toEqual([{ version: many, percent: 100 }]);
});

test("bindings that are set at once are all there, and of one name there is one", async () => {
  await api.deploy(api.ada, "bound");
  for (const name of ["shared-0", "shared-1"]) await ask("POST", "/kv", { name });
  const set = (bindings: object) => ask("PATCH", "/workers/bound/bindings", { set: bindings });
  const answers = await Promise.all([
    ...times.map((at) => set({ [`KV_${at}`]: { kind: "kv", namespace: "shared-0" } })),
    ...times.map((at) => set({ SHARED: { kind: "kv", namespace: `shared-${at % 2}` } })),
  ]);
  for (const { status, body } of answers) expect([status, body]).toEqual([200, expect.anything()]);
  const { body } = await ask("GET", "/workers/bound/bindings");
  const names: string[] = body.items.map(({ name }: { name: string }) => name);
  expect(names.filter((name) => name.startsWith("KV_")).toSorted()).toEqual(times.map((at) => `KV_${at}`));
  expect(names.filter((name) => name === "SHARED")).toEqual(["SHARED"]);
});

test("what is deleted and bound at once is either bound and there, or gone and bound by nobody", async () => {
  await api.deploy(api.ada, "racing");
  for (const at of times) {
    const name = `raced-${at}`;
    const { id } = (await ask("POST", "/kv", { name })).body;
    const [bound, deleted] = await Promise.all([
      ask("PATCH", "/workers/racing/bindings", { set: { RACED: { kind: "kv", namespace: id } } }),
      ask("DELETE", `/kv/${id}`),
    ]);
    const isThere = (await ask("GET", `/kv/${id}`)).status === 200;
    const isBound = JSON.stringify((await ask("GET", "/workers/racing/bindings")).body).includes(name);
    expect([at, bound.status, deleted.status, isThere, isBound]).toEqual(
      isThere ? [at, 200, 409, true, true] : [at, expect.any(Number), 204, false, false],
    );
    if (!isThere) expect(bound.status).toBeGreaterThanOrEqual(400);
    if (isBound) await ask("PATCH", "/workers/racing/bindings", { unset: ["RACED"] });
  }
});

test("of many who delete a thing at once, one has deleted it", async () => {
  await api.deploy(api.ada, "deleted");
  await ask("POST", "/queues", { name: "deleted" });
  for (const path of ["/workers/deleted", "/queues/deleted"]) {
    const answers = await Promise.all(times.map(() => ask("DELETE", path)));
    expect(statuses(answers)).toEqual([204, ...times.slice(1).map(() => 404)]);
  }
});

test("a worker that is deleted while it is deployed is whole, or gone", async () => {
  for (const at of times) {
    await api.deploy(api.ada, "fleeting");
    const [deployed, deleted] = await Promise.all([
      api.deploy(api.ada, "fleeting", { environmentSecrets: { SECRET: `${at}` } }),
      ask("DELETE", "/workers/fleeting"),
    ]);
    expect(deleted.status).toBe(204);
    const { status, body } = await ask("GET", "/workers/fleeting");
    if (status === 200) {
      // It was made anew after it had gone.
      expect([deployed.status, body.lastVersion]).toEqual([201, 1]);
      expect((await ask("GET", "/workers/fleeting/versions/1")).status).toBe(200);
      await ask("DELETE", "/workers/fleeting");
    } else {
      expect(status).toBe(404);
      expect([201, 404, 409]).toContain(deployed.status);
    }
  }
});
