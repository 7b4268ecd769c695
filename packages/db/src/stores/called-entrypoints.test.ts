import { describe, expect, test } from "bun:test";
import { type Binding, newId, notificationChannel, type WorkerId } from "@openworkers/core";
import { rollback } from "./deployments.ts";
import { changeValues } from "./environment-values.ts";
import { ensureWorkerEnvironment } from "./environments.ts";
import { loadRouting, loadWorkerRouting } from "./routing.ts";
import { platform, rejection } from "./testing/fixtures.ts";
import { deleteWorker } from "./workers.ts";

const to = (workerId: WorkerId, entrypoint?: string, props?: string): Binding => ({
  kind: "worker",
  workerId,
  entrypoint,
  props,
});

describe("the entrypoints of a worker that others call", () => {
  test("are those of live versions' bindings and of environments that are used, each once and in one order", async () => {
    await using fixture = await platform();
    const { database, deploy, ada } = fixture;
    const { workerId } = await deploy("callee", { entrypoints: ["Admin", "Reader"] });
    await deploy("old", { bindings: new Map([["A", to(workerId, "Gone")]]) });
    await deploy("old", { bindings: new Map([["A", to(workerId)]]) });
    await deploy("one", {
      bindings: new Map([
        ["A", to(workerId, "Reader")],
        ["B", to(workerId, "Admin", '{"b": 1,  "a": 2}')],
      ]),
    });
    await deploy("two", { bindings: new Map([["A", to(workerId, "Reader")]]) });
    await database.write(async (transaction) => {
      const environments = [newId<"environment">(), newId<"environment">()] as const;
      for (const [index, id] of environments.entries()) {
        await transaction
          .insertInto("environments")
          .values({ id, owner_id: ada, name: `e${index}` })
          .execute();
        await transaction
          .insertInto("environment_values")
          .values({
            environment_id: id,
            owner_id: ada,
            name: "C",
            kind: "worker",
            target_worker_id: workerId,
            entrypoint: `Environment${index}`,
          })
          .execute();
      }
      await transaction
        .updateTable("workers")
        .set({ environment_id: environments[0] })
        .where("name", "=", "two")
        .execute();
    });
    const routing = (await loadRouting(database)).workers.find(({ worker }) => worker === "callee");
    expect(routing?.called).toEqual([
      { entrypoint: "Admin", props: '{"a":2,"b":1}' },
      { entrypoint: "Environment0", props: undefined },
      { entrypoint: "Reader", props: undefined },
    ]);
    expect(routing?.versions[0]?.entrypoints).toEqual(["Admin", "Reader"]);
    expect((await loadWorkerRouting(database, workerId)).workers).toEqual(
      routing === undefined ? [] : [routing],
    );
  });

  test("change the routing of the worker that is called, which is told to whoever listens", async () => {
    await using fixture = await platform();
    const { database, deploy } = fixture;
    const { workerId } = await deploy("callee");
    const told: string[] = [];
    await using _listener = await database.listen(notificationChannel, {
      onPayload: (payload) => told.push(payload),
      onReconnect() {},
    });
    const caller = await deploy("caller", { bindings: new Map([["A", to(workerId, "Admin")]]) });
    await deploy("last");
    while (!told.some((payload) => payload.includes("workers") && !payload.includes(caller.workerId)))
      await Bun.sleep(2);
    expect(told.map((payload) => JSON.parse(payload))).toContainEqual({ table: "deployments", workerId });
  });

  test("are as many as cells have sockets; a deploy that would bind more is refused", async () => {
    await using fixture = await platform();
    const { deploy } = fixture;
    const { workerId } = await deploy("callee");
    const bindings = (count: number) =>
      new Map(Array.from({ length: count }, (_, index) => [`B${index}`, to(workerId, `E${index}`)]));
    await deploy("caller", { bindings: bindings(8) });
    await deploy("same", { bindings: bindings(8) });
    const refused = await rejection(
      deploy("other", { bindings: new Map([["A", to(workerId, "One", "1")]]) }),
    );
    expect(refused).toMatchObject({
      code: "CONFLICT",
      message: expect.stringContaining("9 different pairs"),
    });
    await deploy("other", { bindings: new Map([["A", to(workerId)]]) });
  });

  test("are counted when an environment binds one, and when an earlier version is made live again", async () => {
    await using fixture = await platform();
    const { database, deploy, ada: by } = fixture;
    const { workerId } = await deploy("callee");
    const bindings = new Map(
      Array.from({ length: 8 }, (_, index) => [`B${index}`, to(workerId, `E${index}`)]),
    );
    await deploy("caller", { bindings });
    await deploy("other");
    const environmentId = await ensureWorkerEnvironment(database, { worker: "other", by });
    const bind = () =>
      changeValues(database, {
        environmentId,
        by,
        set: [{ name: "A", kind: "worker", worker: "callee", entrypoint: "One" }],
      });
    expect(await rejection(bind())).toMatchObject({ code: "CONFLICT" });
    await deploy("caller");
    await bind();
    expect(await rejection(rollback(database, { worker: "caller", by }))).toMatchObject({ code: "CONFLICT" });
  });
});

test("a worker that others are bound to cannot be deleted, and its callers are named; one bound to itself can", async () => {
  await using fixture = await platform();
  const { database, deploy, ada: by } = fixture;
  const { workerId } = await deploy("callee");
  await deploy("callee", { bindings: new Map([["SELF", to(workerId)]]) });
  await deploy("caller", { bindings: new Map([["OTHER", to(workerId)]]) });
  expect(await rejection(deleteWorker(database, { worker: "callee", by }))).toMatchObject({
    code: "CONFLICT",
    message: 'Worker "callee" is bound by caller (OTHER).',
  });
  await deploy("caller");
  await deleteWorker(database, { worker: "callee", by });
});

test("a worker of another owner cannot be bound", async () => {
  await using fixture = await platform();
  const { deploy, bob } = fixture;
  const { workerId } = await deploy("callee");
  const refused = await rejection(deploy("mine", { by: bob, bindings: new Map([["A", to(workerId)]]) }));
  expect(String(refused)).toContain("version_bindings_target");
});
