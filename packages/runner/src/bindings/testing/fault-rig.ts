import type { Binding, UserId } from "@openworkers/core";
import { type Database, ensureOperator } from "@openworkers/db";
import { type TestServer, withTestServer } from "@openworkers/db/testing";
import type { TestCell } from "../../cells/testing/test-cells.ts";
import { type BindingCells, bindingCells, type Inside } from "./binding-cells.ts";

/** Cells with bindings over a PostgreSQL that a test may stop. */
export interface FaultRig extends TestServer {
  /** A cell that runs `inside` for each request. */
  start(inside: Inside): Promise<TestCell>;
  /** What the operator was told. */
  readonly reports: BindingCells["reports"];
}

/** @param bind makes what the cells have bindings to */
export async function startFaultRig(
  bind: (database: Database, by: UserId) => Promise<Readonly<Record<string, Binding>>>,
): Promise<FaultRig> {
  await using parts = new AsyncDisposableStack();
  const server = parts.use(await withTestServer({ connectTimeoutMs: 2_000 }));
  const { database } = server;
  const { id: by } = await ensureOperator(database);
  const bindings = await bind(database, by);
  const cells = parts.use(await bindingCells(database));
  const owned = parts.move();
  return {
    ...server,
    reports: cells.reports,
    start: (inside) => cells.start(bindings, inside),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** So many bytes, all alike. */
export const filled = (byte: number, bytes = 1_000_000) => new Uint8Array(bytes).fill(byte);

/** A body of four parts of a million bytes; `half` resolves when two are gone, and the rest follows `go`. */
export function haltingBody(byte: number) {
  const half = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sent === 2) {
        half.resolve();
        await go.promise;
      }
      if (sent++ < 4) controller.enqueue(filled(byte));
      else controller.close();
    },
  });
  return { body, half: half.promise, go: go.resolve };
}
