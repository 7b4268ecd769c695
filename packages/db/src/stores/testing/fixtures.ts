import type { WorkerCode } from "@openworkers/core";
import type { Database } from "../../database.ts";
import { withTestDatabase } from "../../testing.ts";
import { type Deployed, type DeployInput, deployVersion } from "../deploy-version.ts";
import { createUser, ensureOperator } from "../users.ts";

/** A worker's code of one module, with this text. */
export function codeOf(text: string, sourceMap?: string): WorkerCode {
  return {
    modules: [{ name: "index.js", type: "esModule", content: Buffer.from(text) }],
    compatibilityDate: "2026-11-01",
    compatibilityFlags: [],
    sourceMaps: new Map(sourceMap === undefined ? [] : [["index.js", Buffer.from(sourceMap)]]),
  };
}

/** A database with an operator and two users, Ada and Bob. */
export async function platform() {
  const fixture = await withTestDatabase();
  const { database } = fixture;
  const operator = (await ensureOperator(database)).id;
  const ada = (await createUser(database, "ada")).id;
  const bob = (await createUser(database, "bob")).id;
  return {
    ...fixture,
    operator,
    ada,
    bob,
    /** Deploys `worker` as Ada, with code that is its name unless given. */
    deploy: (worker: string, input: Partial<DeployInput> = {}): Promise<Deployed> =>
      deployVersion(database, { worker, by: ada, code: codeOf(worker), ...input }),
  };
}

/** What a promise is rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => {
      throw new Error("it was not rejected");
    },
    (thrown: unknown) => thrown,
  );
}

/** How many rows a table has. */
export async function count(
  database: Database,
  table: "blobs" | "worker_versions" | "workers" | "audit_log",
): Promise<number> {
  const { rows } = await database.read((queries) =>
    queries
      .selectFrom(table)
      .select(({ fn }) => fn.countAll<number>().as("rows"))
      .executeTakeFirstOrThrow(),
  );
  return rows;
}
