import type { D1Database } from "@cloudflare/workers-types";
import type { Binding } from "@openworkers/core";
import { withTestDatabase } from "@openworkers/db/testing";
import { Client } from "pg";
import { type BindingCells, bindingCells } from "../../testing/binding-cells.ts";
import { type TestGateway, testGateway } from "./test-gateway.ts";

/** `env.DB` as OpenWorkers has it. */
export interface Database extends D1Database {
  query<Row = Record<string, unknown>>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<{ rows: Row[]; rowCount: number; columns: { name: string; type: string }[] }>;
}

/** What of D1's errors only a real one has. */
export interface QueryError extends Error {
  readonly code?: string;
  readonly position?: number;
  readonly hint?: string;
  readonly detail?: string;
  readonly constraint?: string;
  readonly table?: string;
  /** Which of a batch's it was, from 0. */
  readonly statement?: number;
}

export type Inside = (env: { readonly DB: Database; readonly OTHER: Database }, request: Request) => unknown;

/** Cells with a database of their own on a real server. */
export interface DatabaseCells extends AsyncDisposable {
  readonly cells: BindingCells;
  readonly gateway: TestGateway;
  readonly binding: Binding;
  /** The same database, for the test itself. */
  readonly postgres: Client;
  /** What `inside` returns in a cell that has the database as `DB`. */
  run(inside: Inside): Promise<unknown>;
}

export async function databaseCells(): Promise<DatabaseCells> {
  await using parts = new AsyncDisposableStack();
  const fixture = parts.use(await withTestDatabase());
  const gateway = testGateway({ connectionString: fixture.url });
  const cells = parts.use(await bindingCells(fixture.database, { databases: gateway }));
  const postgres = parts.adopt(new Client({ connectionString: fixture.url }), (client) => client.end());
  await postgres.connect();
  const binding: Binding = { kind: "database", databaseId: gateway.databaseId };
  const owned = parts.move();
  return {
    cells,
    gateway,
    binding,
    postgres,
    run: (inside) => cells.run({ DB: binding }, inside as never),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
