import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits, type EgressPolicy, type Limits, newId } from "@openworkers/core";
import type { CellLine } from "../../cells/cell.ts";
import { openCellHost } from "../../cells/process/cell-host.ts";
import { findSandbox } from "../../cells/sandbox/find-sandbox.ts";
import { program, type TestProgram } from "../../cells/testing/test-cells.ts";
import { CellBudget } from "../../subrequests/budget.ts";
import type { Resolver } from "../dial/resolver.ts";
import { Egress } from "../egress.ts";
import { Guard, type GuardOptions } from "../guard/guard.ts";
import { Permissions } from "../guard/permissions.ts";

export interface EgressRigOptions {
  readonly guard?: GuardOptions;
  /** Default: loopback is permitted, for that is where tests have their servers. */
  readonly allow?: readonly string[];
  readonly resolve?: Resolver;
  readonly authorities?: readonly string[];
  readonly connectMs?: number;
  readonly silenceMs?: number;
  readonly lookMs?: number;
}

export interface EgressWorker extends AsyncDisposable {
  readonly lines: readonly CellLine[];
  readonly pid: number;
  /** Sends the worker a request that counts as one until its response has been read. */
  ask(path?: string, init?: RequestInit): Promise<Response>;
  /** The text of the response to `ask`. */
  text(path?: string): Promise<string>;
  kill(): void;
}

export interface EgressRig extends AsyncDisposable {
  readonly reports: string[];
  start(source: string, options?: TestProgram & WorkerOptions): Promise<EgressWorker>;
}

interface WorkerOptions {
  readonly policy?: EgressPolicy;
  readonly limits?: Partial<Limits>;
}

/** Workers in real cells with a real way out. */
export async function egressRig(options: EgressRigOptions = {}): Promise<EgressRig> {
  await using parts = new AsyncDisposableStack();
  const runtimeDir = mkdtempSync(join(tmpdir(), "ow-"));
  parts.defer(() => rmSync(runtimeDir, { recursive: true }));
  const reports: string[] = [];
  const egress = parts.use(
    new Egress({
      guard: new Guard({
        permissions: Permissions.parse(options.allow ?? ["127.0.0.0/8", "::1"]),
        ...options.guard,
      }),
      authorities: options.authorities ?? [],
      ...(options.resolve === undefined ? {} : { resolve: options.resolve }),
      ...(options.connectMs === undefined ? {} : { connectMs: options.connectMs }),
      ...(options.silenceMs === undefined ? {} : { silenceMs: options.silenceMs }),
      ...(options.lookMs === undefined ? {} : { lookMs: options.lookMs }),
      report: (message, details) => reports.push(`${message} ${details.error}`),
    }),
  );
  const host = parts.use(await openCellHost({ sandbox: findSandbox("bubblewrap"), runtimeDir, egress }));
  const owned = parts.move();
  return {
    reports,
    async start(source, { policy, limits: wanted, ...rest } = {}) {
      const limits = { ...defaultLimits, ...wanted };
      const budget = new CellBudget(limits);
      const lines: CellLine[] = [];
      const blank = await host.launchBlank();
      const cell = await blank.assign(
        { ...program(source, rest), egress: policy },
        {
          limits,
          budget,
          onLine: (line) => lines.push(line),
          target: {
            workerId: newId(),
            worker: "test",
            versionId: newId(),
            version: 1,
            environmentRevision: 0,
            limits,
          },
        },
      );
      const ask = async (path = "/", init: RequestInit = {}): Promise<Response> => {
        const requestId = newId<"request">();
        budget.open(requestId);
        try {
          const headers = { "x-request-id": requestId, ...Object.fromEntries(new Headers(init.headers)) };
          const response = await fetch(`http://worker${path}`, { ...init, headers, unix: cell.httpSocket });
          const body = await response.arrayBuffer();
          return new Response(body.byteLength === 0 ? null : body, response);
        } finally {
          budget.close(requestId);
        }
      };
      return {
        lines,
        pid: cell.pid,
        ask,
        text: async (path) => (await ask(path)).text(),
        kill: cell.kill,
        [Symbol.asyncDispose]: () => cell[Symbol.asyncDispose](),
      };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
