import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { Binding } from "@openworkers/core";
import { type Database, registerSealingKey, SecretKeys } from "@openworkers/db";
import { temporaryDirectory } from "@openworkers/db/testing";
import { AssetServer } from "../../assets/asset-server.ts";
import { findSandbox } from "../../cells/sandbox/find-sandbox.ts";
import { program, type TestCell, type TestCells, testCells } from "../../cells/testing/test-cells.ts";
import { Broker } from "../broker.ts";
import type { BindingServices } from "../plugin.ts";
import { DatabaseShares } from "../shares/database-shares.ts";

/** What a test's worker does: its source is run in a cell, so it can use nothing but its arguments. */
export type Inside = (env: never, request: Request) => unknown;

/** Cells whose bindings are answered by the real broker, over a database. */
export interface BindingCells extends AsyncDisposable {
  readonly cells: TestCells;
  /** What the broker has told the operator. */
  readonly reports: readonly { readonly message: string; readonly details: Record<string, unknown> }[];
  /** A cell that runs `inside` for each request, and answers with what it returns as JSON. */
  start(bindings: Readonly<Record<string, Binding>>, inside: Inside): Promise<TestCell>;
  /** What `inside` returns in a cell of its own, as JSON says it. Rejects with what it throws. */
  run(bindings: Readonly<Record<string, Binding>>, inside: Inside): Promise<unknown>;
}

export async function bindingCells(
  database: Database,
  services: Pick<BindingServices, "storage" | "databases" | "bus"> = {},
): Promise<BindingCells> {
  await using parts = new AsyncDisposableStack();
  const secretKeys = await SecretKeys.load({ directory: mkdtempSync(join(temporaryDirectory(), "keys-")) });
  await registerSealingKey(database, secretKeys);
  const reports: { message: string; details: Record<string, unknown> }[] = [];
  const report = (message: string, details: Record<string, unknown>) =>
    void reports.push({ message, details });
  const assets = new AssetServer({ database, report });
  const shares = parts.use(new DatabaseShares(database));
  const broker = parts.use(Broker.of({ ...services, database, shares, secretKeys, assets, report }));
  const cells = parts.use(await testCells(findSandbox("bubblewrap"), broker, services.databases));
  const owned = parts.move();
  const start: BindingCells["start"] = (bindings, inside) =>
    cells.start(program(sourceOf(inside), { bindings: new Map(Object.entries(bindings)) }));
  return {
    cells,
    reports,
    start,
    async run(bindings, inside) {
      await using cell = await start(bindings, inside);
      return await resultOf(await cell.fetch());
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What the worker returned. @throws Error with what it threw. */
export async function resultOf(response: Response): Promise<unknown> {
  const { result, error } = (await response.json()) as { result?: unknown; error?: string };
  if (error !== undefined) throw new Error(error);
  return result;
}

/** A worker that runs `inside` for each request. */
export function sourceOf(inside: Inside): string {
  return `
    const inside = ${inside.toString()};
    export default {
      async fetch(request, env) {
        try {
          const result = await inside(env, request);
          return result instanceof Response ? result : Response.json({ result });
        } catch (error) {
          return Response.json({ error: error.name + ": " + error.message });
        }
      },
    };`;
}
