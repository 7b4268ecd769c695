import { describe, expect, test } from "bun:test";
import { newId, parseNotification } from "@openworkers/core";
import { sql } from "kysely";
import { addCron, changeCron, removeCron } from "./stores/crons.ts";
import { changeValues } from "./stores/environment-values.ts";
import { createEnvironment, findEnvironment } from "./stores/environments.ts";
import { runCron } from "./stores/scheduled-events.ts";
import { codeOf, platform, rejection } from "./stores/testing/fixtures.ts";
import { setWorkerLimits } from "./stores/workers.ts";

// What the database itself refuses, whoever asks: these are statements of a client that is wrong or hostile.
describe("the database refuses", () => {
  const restricted = { code: "23001" };
  const changes = [
    "update worker_versions set compatibility_flags = '{}'",
    "update worker_versions set created_at = now()",
    "update version_modules set name = 'other.js'",
    "update version_source_maps set hash = hash",
    "update blobs set content = 'evil'",
    "update deployments set message = 'other'",
    "update deployment_versions set percent = 100",
    "update audit_log set action = 'nothing.happened'",
    "delete from audit_log",
    "truncate audit_log",
    "delete from version_modules",
    "delete from version_source_maps",
    "insert into version_modules select id, 7, 'more.js', 'esModule', (select hash from blobs limit 1) from worker_versions",
    "insert into version_source_maps select version_id, name, hash from version_modules where name = 'lib.js'",
  ];
  test("every change of what is immutable", async () => {
    await using fixture = await platform();
    const code = codeOf("export default {}", "{}");
    const lib = { name: "lib.js", type: "esModule", content: Buffer.from("lib") } as const;
    await fixture.deploy("hello", { code: { ...code, modules: [...code.modules, lib] } });
    for (const change of changes) {
      const attempt = fixture.database.write((transaction) => sql.raw(change).execute(transaction));
      expect({ change, refused: await rejection(attempt) }).toMatchObject({ change, refused: restricted });
    }
  });

  test("content under another content's hash", async () => {
    await using fixture = await platform();
    const forged = fixture.database.write((transaction) =>
      transaction
        .insertInto("blobs")
        .values({ hash: "a".repeat(64), content: Buffer.from("evil") })
        .execute(),
    );
    expect(await rejection(forged)).toMatchObject({ details: { constraint: "blobs_content_addressed" } });
  });

  test("deployments whose shares are not 100 in all, none at all included", async () => {
    await using fixture = await platform();
    const { workerId, versionId } = await fixture.deploy("hello");
    const second = await fixture.deploy("hello", { code: codeOf("two") });
    for (const percents of [[99], [60, 41], [1, 1], []]) {
      const attempt = fixture.database.write(async (transaction) => {
        const id = newId<"deployment">();
        await transaction
          .insertInto("deployments")
          .values({ id, worker_id: workerId, created_by: fixture.ada, message: null })
          .execute();
        for (const [index, percent] of percents.entries()) {
          await transaction
            .insertInto("deployment_versions")
            .values({
              deployment_id: id,
              worker_id: workerId,
              version_id: index === 0 ? versionId : second.versionId,
              percent,
            })
            .execute();
        }
      });
      expect(await rejection(attempt)).toMatchObject({ details: { constraint: "deployment_versions_sum" } });
    }
    const removal = fixture.database.write((transaction) =>
      transaction.deleteFrom("deployment_versions").execute(),
    );
    expect(await rejection(removal)).toMatchObject({ details: { constraint: "deployment_versions_sum" } });
  });

  test("another worker's version in a deployment", async () => {
    await using fixture = await platform();
    const mine = await fixture.deploy("mine");
    const theirs = await fixture.deploy("theirs", { by: fixture.bob });
    const attempt = fixture.database.write(async (transaction) => {
      const id = newId<"deployment">();
      await transaction
        .insertInto("deployments")
        .values({ id, worker_id: mine.workerId, created_by: fixture.ada, message: null })
        .execute();
      await transaction
        .insertInto("deployment_versions")
        .values({ deployment_id: id, worker_id: mine.workerId, version_id: theirs.versionId, percent: 100 })
        .execute();
    });
    expect(await rejection(attempt)).toMatchObject({
      details: { constraint: "deployment_versions_of_worker" },
    });
  });

  test("another owner's environment for a worker", async () => {
    await using fixture = await platform();
    await fixture.deploy("hello");
    const environmentId = await createEnvironment(fixture.database, { name: "prod", by: fixture.bob });
    const attempt = fixture.database.write((transaction) =>
      transaction
        .updateTable("workers")
        .set({ environment_id: environmentId })
        .where("name", "=", "hello")
        .execute(),
    );
    expect(await rejection(attempt)).toMatchObject({
      details: { constraint: "workers_environment_of_owner" },
    });
  });

  test("a secret in clear, and one sealed with a key that is not the active one", async () => {
    await using fixture = await platform();
    const environment_id = await createEnvironment(fixture.database, { name: "prod", by: fixture.ada });
    const insert = (value: string | null, sealed: Uint8Array | null, key_id: string | null) =>
      fixture.database.write((transaction) =>
        transaction
          .insertInto("environment_values")
          .values({
            environment_id,
            owner_id: fixture.ada,
            name: "KEY",
            kind: "secret",
            value,
            sealed,
            key_id,
          })
          .execute(),
      );
    const kind = { details: { constraint: "environment_values_of_its_kind" } };
    expect(await rejection(insert("clear", null, null))).toMatchObject(kind);
    expect(await rejection(insert(null, null, null))).toMatchObject(kind);
    const key = { details: { constraint: "environment_values_active_key" } };
    expect(await rejection(insert(null, Buffer.from("sealed"), "0123456789abcdef"))).toMatchObject(key);
  });

  const badRows: [string, string][] = [
    [
      "a worker's name in capitals",
      "insert into workers (id, name, owner_id) select gen_random_uuid(), 'Hello', id from users limit 1",
    ],
    [
      "a worker's name with two hyphens",
      "insert into workers (id, name, owner_id) select gen_random_uuid(), 'a--b', id from users limit 1",
    ],
    [
      "a host name with a path",
      "insert into domains (hostname, worker_id, verification_token) select 'a.example.com/x', id, 't' from workers",
    ],
    [
      "a host name in capitals",
      "insert into domains (hostname, worker_id, verification_token) select 'A.example.com', id, 't' from workers",
    ],
    [
      "a route with a star in its middle",
      "insert into routes (pattern, worker_id) select 'example.com/*/x', id from workers",
    ],
    [
      "a route on a domain that it is not below",
      `with domain as (
        insert into domains (hostname, worker_id, verification_token, verified_at)
        select 'b.example.com', id, 't', now() from workers returning hostname, worker_id
      ) insert into routes (pattern, worker_id, domain) select 'example.com/', worker_id, hostname from domain`,
    ],
    [
      "a route on a domain that is not verified",
      `insert into domains (hostname, worker_id, verification_token) select 'c.example.com', id, 't' from workers;
      insert into routes (pattern, worker_id, domain) select 'c.example.com/', id, 'c.example.com' from workers`,
    ],
    [
      "a route without a path",
      "insert into routes (pattern, worker_id) select 'example.com', id from workers",
    ],
    ["limits that are no object", "update workers set limits = '[]'"],
  ];
  test("rows that the code could not handle", async () => {
    await using fixture = await platform();
    await fixture.deploy("hello");
    for (const [what, statement] of badRows) {
      const attempt = fixture.database.write((transaction) => sql.raw(statement).execute(transaction));
      expect({ what, refused: await rejection(attempt) }).toMatchObject({
        what,
        refused: { code: "INVALID_INPUT", details: { code: "23514" } },
      });
    }
  });
});

describe("a change is told on the channel", () => {
  test("once for each row that matters to a runner, in words that core understands", async () => {
    await using fixture = await platform();
    const { database } = fixture;
    const heard: (ReturnType<typeof parseNotification> | string)[] = [];
    let fence = Promise.withResolvers<void>();
    await using _listener = await database.listen("openworkers", {
      onPayload: (payload) => {
        if (payload === "fence") fence.resolve();
        else heard.push(parseNotification(payload) ?? payload);
      },
      onReconnect: () => {},
    });
    /** What was told because of `work`. */
    const told = async (work: () => Promise<unknown>) => {
      heard.length = 0;
      await work();
      fence = Promise.withResolvers();
      await database.read((queries) => sql`select pg_notify('openworkers', 'fence')`.execute(queries));
      await fence.promise;
      return [...heard];
    };

    const first = await told(() => fixture.deploy("hello"));
    const { id: workerId } = await database.read((queries) =>
      queries.selectFrom("workers").select("id").executeTakeFirstOrThrow(),
    );
    expect(first).toEqual([
      { table: "workers", workerId },
      { table: "deployments", workerId },
    ]);
    expect(
      await told(() =>
        fixture.deploy("hello", {
          by: fixture.operator,
          code: codeOf("two"),
          routes: ["example.com/*"],
          domains: ["a.example.com"],
        }),
      ),
    ).toEqual([
      { table: "deployments", workerId },
      { table: "routes", workerId },
      { table: "domains", workerId, hostname: "a.example.com" },
    ]);
    expect(
      await told(() =>
        setWorkerLimits(database, { worker: "hello", limits: { cpuMs: 50 }, by: fixture.ada }),
      ),
    ).toEqual([{ table: "workers", workerId }]);
    expect(
      await told(() =>
        setWorkerLimits(database, { worker: "hello", limits: { cpuMs: 50 }, by: fixture.ada }),
      ),
    ).toEqual([]);

    const cron = { worker: "hello", cron: "0 9 * * *", by: fixture.ada };
    const crons = [{ table: "crons" as const }];
    expect(await told(() => addCron(database, { ...cron, expression: cron.cron }))).toEqual(crons);
    expect(await told(() => changeCron(database, cron, { paused: true }))).toEqual(crons);
    expect(await told(() => changeCron(database, cron, { paused: true }))).toEqual([]);
    expect(await told(() => runCron(database, cron))).toEqual(crons);
    // What a scheduler does.
    const progress = () =>
      database.read((queries) =>
        queries.updateTable("crons").set({ paused: false, next_due: new Date() }).execute(),
      );
    expect(await told(progress)).toEqual(crons);
    expect(await told(progress)).toEqual([]);
    expect(await told(() => removeCron(database, cron))).toEqual(crons);

    const made = await told(() => createEnvironment(database, { name: "prod", by: fixture.ada }));
    const environmentId = await findEnvironment(database, { name: "prod", owner: fixture.ada });
    expect(made).toEqual([{ table: "environments", environmentId }]);
    const values = Array.from({ length: 50 }, (_, index) => ({
      name: `KEY_${index}`,
      kind: "var" as const,
      value: "v",
    }));
    expect(await told(() => changeValues(database, { environmentId, set: values, by: fixture.ada }))).toEqual(
      [{ table: "environments", environmentId }],
    );
    expect(
      await told(() =>
        database.write((transaction) =>
          transaction.deleteFrom("workers").where("id", "=", workerId).execute(),
        ),
      ),
    ).toEqual(
      expect.arrayContaining([
        { table: "workers", workerId },
        { table: "domains", workerId, hostname: "a.example.com" },
        { table: "routes", workerId },
      ]),
    );
  });
});
