import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type Binding, defaultLimits, newId, type UserId, type WorkerCode } from "@openworkers/core";
import { sql } from "kysely";
import { type TestDatabase, withTestDatabase } from "../testing.ts";
import { type Deployed, deployVersion } from "./deploy-version.ts";
import { createDeployment } from "./deployments.ts";
import { loadProgram } from "./programs.ts";
import { deploySystemWorker, ensureSystemUser, systemUserName, systemWorkerState } from "./system-workers.ts";
import { createUser, ensureOperator } from "./users.ts";

let own: TestDatabase;
let system: UserId;
beforeAll(async () => {
  own = await withTestDatabase();
  system = await ensureSystemUser(own.database);
}, 60_000);
afterAll(() => own[Symbol.asyncDispose]());

const code: WorkerCode = {
  modules: [{ name: "index.js", type: "esModule", content: new TextEncoder().encode("export default {}") }],
  compatibilityDate: "2026-11-01",
  compatibilityFlags: [],
  sourceMaps: new Map(),
};
const privileged: readonly Binding[] = [
  { kind: "platform-sql", face: "api" },
  { kind: "platform-sql", face: "identity" },
  { kind: "platform-services" },
];

const deploy = (
  worker: string,
  by: UserId,
  bindings: Readonly<Record<string, Binding>> = {},
): Promise<Deployed> =>
  deployVersion(own.database, { worker, by, code, bindings: new Map(Object.entries(bindings)) });

/** The constraint that a statement breaks. */
async function brokenBy(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => "nothing",
    (thrown: { constraint?: string; cause?: { constraint?: string }; code?: string }) =>
      thrown.constraint ?? thrown.cause?.constraint ?? thrown.code,
  );
}

const write = (statement: ReturnType<typeof sql>) =>
  own.database.kysely.transaction().execute((transaction) => statement.execute(transaction));

describe("a binding of the platform's own workers", () => {
  test("is theirs, with what it was given", async () => {
    const bindings = { A: privileged[0], B: privileged[1], C: privileged[2] } as Record<string, Binding>;
    const { versionId, workerId } = await deploy("own", system, bindings);
    const program = await loadProgram(own.database, versionId, workerId);
    expect(Object.fromEntries(program.bindings)).toEqual(bindings);
  });

  test("is refused to a person's worker and to an operator's, and nothing of the deploy stays", async () => {
    const { id: person } = await createUser(own.database, "ada");
    const { id: operator } = await ensureOperator(own.database);
    for (const by of [person, operator]) {
      for (const [index, binding] of privileged.entries()) {
        const name = `sneaky-${index}`;
        expect([index, await brokenBy(deploy(name, by, { SQL: binding }))]).toEqual([
          index,
          "version_bindings_system",
        ]);
        expect(await systemWorkerState(own.database, name)).toBeUndefined();
      }
    }
  });

  test("cannot be put into rows by whoever may write them", async () => {
    const { id: person } = await createUser(own.database, "eve");
    const worker = await deploy("eves", person);
    const systems = await deploy("systems", system);
    // In the transaction of a version of hers, where bindings may still be added.
    const insert = (owner: UserId, workerId: string) =>
      own.database.kysely.transaction().execute(async (transaction) => {
        const version = newId<"version">();
        await sql`insert into worker_versions (id, worker_id, number, compatibility_date, compatibility_flags, created_by)
          values (${version}, ${worker.workerId}, 99, '2026-11-01', '{}', ${person})`.execute(transaction);
        await sql`insert into version_bindings (version_id, worker_id, owner_id, name, kind, face)
          values (${version}, ${workerId}, ${owner}, 'SQL', 'platform-sql', 'api')`.execute(transaction);
      });
    expect(await brokenBy(insert(person, worker.workerId))).toBe("version_bindings_system");
    // With the platform's user as the owner, which she is not.
    expect(await brokenBy(insert(system, worker.workerId))).toBe("version_bindings_owner");
    expect(await brokenBy(insert(system, systems.workerId))).toBe(
      "version_bindings_version_id_worker_id_fkey",
    );
    const id = (await deploy("hers", person, { V: { kind: "version-metadata" } })).versionId;
    expect(
      await brokenBy(
        write(sql`update version_bindings set kind = 'platform-services' where version_id = ${id}`),
      ),
    ).not.toBe("nothing");
  });

  test("is no value of an environment", async () => {
    const { id: person } = await createUser(own.database, "mallory");
    const environment = newId<"environment">();
    await write(
      sql`insert into environments (id, owner_id, name) values (${environment}, ${person}, 'hers')`,
    );
    for (const kind of ["platform-sql", "platform-services"]) {
      expect(
        await brokenBy(
          write(sql`insert into environment_values (environment_id, owner_id, name, kind)
            values (${environment}, ${person}, 'SQL', ${kind})`),
        ),
      ).toBe("environment_values_kind_check");
    }
  });

  test("does not run in a worker that came by it past the trigger", async () => {
    const { id: person } = await createUser(own.database, "trent");
    const { versionId, workerId } = await deploy("trents", person);
    await own.database.kysely.transaction().execute(async (transaction) => {
      await sql`set local session_replication_role = replica`.execute(transaction);
      await sql`insert into version_bindings (version_id, worker_id, owner_id, name, kind)
        values (${versionId}, ${workerId}, ${person}, 'PLATFORM', 'platform-services')`.execute(transaction);
    });
    await expect(loadProgram(own.database, versionId, workerId)).rejects.toMatchObject({ code: "FORBIDDEN" });
  });

  test("is not to be had by a change of what one is", async () => {
    const { id: person } = await createUser(own.database, "oscar");
    for (const statement of [
      sql`update users set kind = 'system' where id = ${person}`,
      sql`update users set kind = 'person' where id = ${system}`,
    ]) {
      expect(await brokenBy(write(statement))).toBe("users_system_kind");
    }
  });
});

describe("a name of the platform's own workers", () => {
  test("is nobody else's, by the store and by SQL", async () => {
    const { id: person } = await createUser(own.database, "walter");
    const { workerId } = await deploy("walters", person);
    for (const name of ["api", "identity", "dashboard"]) {
      await expect(deploy(name, person)).rejects.toMatchObject({ code: "INVALID_NAME" });
      expect(
        await brokenBy(deployVersion(own.database, { worker: name, by: person, code, system: true })),
      ).toBe("workers_reserved_name");
      expect(await brokenBy(write(sql`update workers set name = ${name} where id = ${workerId}`))).toBe(
        "workers_reserved_name",
      );
    }
  });

  test("stays whose it was before", async () => {
    await using older = await withTestDatabase();
    const { id: person } = await createUser(older.database, "early");
    await older.database.kysely.transaction().execute(async (transaction) => {
      await sql`set local session_replication_role = replica`.execute(transaction);
      await sql`insert into workers (id, name, owner_id) values (${newId()}, 'identity', ${person})`.execute(
        transaction,
      );
    });
    expect(await systemWorkerState(older.database, "identity")).toMatchObject({ own: false });
    const user = await ensureSystemUser(older.database);
    await expect(
      deploySystemWorker(older.database, { worker: "identity", by: user, code, builtFrom: "x" }),
    ).rejects.toMatchObject({ code: "FORBIDDEN" });
  });
});

describe("a system worker", () => {
  test("is remembered with what it was built from, and with whether that is live", async () => {
    const release = (builtFrom: string) =>
      deploySystemWorker(own.database, { worker: "api", by: system, code, builtFrom, limits: defaultLimits });
    expect(await systemWorkerState(own.database, "api")).toBeUndefined();
    const first = await release("one");
    expect(await systemWorkerState(own.database, "api")).toEqual({
      workerId: first.workerId,
      own: true,
      builtFrom: "one",
      live: true,
    });
    await release("two");
    expect(await systemWorkerState(own.database, "api")).toMatchObject({ builtFrom: "two", live: true });
    await createDeployment(own.database, { worker: "api", versions: new Map([[1, 100]]), by: system });
    expect(await systemWorkerState(own.database, "api")).toMatchObject({ builtFrom: "two", live: false });
    await createDeployment(own.database, {
      worker: "api",
      versions: new Map([
        [1, 50],
        [2, 50],
      ]),
      by: system,
    });
    expect(await systemWorkerState(own.database, "api")).toMatchObject({ live: false });
  });

  test("belongs to one user, which two starts at once make once, and which is nobody's name", async () => {
    await using fresh = await withTestDatabase();
    const [one, two] = await Promise.all([
      ensureSystemUser(fresh.database),
      ensureSystemUser(fresh.database),
    ]);
    expect(one).toBe(two);
    await using taken = await withTestDatabase();
    await createUser(taken.database, systemUserName);
    await expect(ensureSystemUser(taken.database)).rejects.toMatchObject({ code: "CONFLICT" });
  });
});
