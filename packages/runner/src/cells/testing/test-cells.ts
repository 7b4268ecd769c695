import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultLimits, type Limits, type Module, newId } from "@openworkers/core";
import type { Broker } from "../../bindings/broker.ts";
import type { DatabaseGateway } from "../../bindings/database/gateway.ts";
import type { Cell, CellLine } from "../cell.ts";
import { type CellHost, openCellHost } from "../process/cell-host.ts";
import { findSandbox } from "../sandbox/find-sandbox.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { type Program, type Target, unversioned } from "../target.ts";

export interface TestProgram {
  readonly modules?: Readonly<Record<string, string | Uint8Array>>;
  readonly env?: Program["env"];
  readonly bindings?: Program["bindings"];
  readonly date?: string;
  readonly flags?: readonly string[];
  readonly sourceMaps?: Readonly<Record<string, string>>;
}

const encoder = new TextEncoder();

/** A program whose main module, `index.js`, is `source`. */
export function program(source: string, options: TestProgram = {}): Program {
  const others = Object.entries(options.modules ?? {}).map(
    ([name, content]): Module => ({
      name,
      type: name.endsWith(".wasm") ? "wasm" : name.endsWith(".txt") ? "text" : "esModule",
      content: typeof content === "string" ? encoder.encode(content) : content,
    }),
  );
  return {
    code: {
      modules: [{ name: "index.js", type: "esModule", content: encoder.encode(source) }, ...others],
      compatibilityDate: options.date ?? "2026-11-01",
      compatibilityFlags: options.flags ?? [],
      sourceMaps: new Map(
        Object.entries(options.sourceMaps ?? {}).map(([name, text]) => [name, encoder.encode(text)]),
      ),
    },
    env: options.env ?? new Map(),
    bindings: options.bindings ?? new Map(),
    version: unversioned,
  };
}

/** A running cell with the lines it wrote. */
export interface TestCell extends AsyncDisposable {
  readonly cell: Cell;
  readonly lines: readonly CellLine[];
  /** Requests `path` of the worker with a request id, as the ingress does. */
  fetch(path?: string, init?: RequestInit): Promise<Response>;
  /** The first line that matches, now or when it comes. */
  line(matches: (line: CellLine) => boolean): Promise<CellLine>;
}

export interface TestCells extends AsyncDisposable {
  readonly host: CellHost;
  readonly runtimeDir: string;
  start(program: Program, limits?: Partial<Limits>): Promise<TestCell>;
}

/** Whom the broker takes every test cell for. */
export const testTarget: Target = {
  workerId: newId(),
  worker: "test",
  versionId: newId(),
  version: 1,
  environmentRevision: 0,
  limits: defaultLimits,
};

/** A cell host in the real sandbox, in a directory of its own; bindings are answered by `broker`, which is the caller's. */
export async function testCells(
  sandbox: Sandbox = findSandbox("bubblewrap"),
  broker?: Broker,
  databases?: DatabaseGateway,
): Promise<TestCells> {
  const runtimeDir = mkdtempSync(join(tmpdir(), "ow-"));
  const host = await openCellHost({
    sandbox,
    runtimeDir,
    ...(broker === undefined ? {} : { broker }),
    ...(databases === undefined ? {} : { databases }),
  });
  return {
    host,
    runtimeDir,
    async start(given, limits = {}) {
      const lines: CellLine[] = [];
      const waiting = new Set<() => void>();
      const blank = await host.launchBlank();
      const cell = await blank.assign(given, {
        limits: { ...defaultLimits, ...limits },
        target: { ...testTarget, limits: { ...defaultLimits, ...limits } },
        onLine(line) {
          lines.push(line);
          for (const look of waiting) look();
        },
      });
      return {
        cell,
        lines,
        fetch: (path = "/", init = {}) =>
          fetch(`http://worker${path}`, {
            ...init,
            headers: { "x-request-id": newId<"request">(), ...Object.fromEntries(new Headers(init.headers)) },
            unix: cell.httpSocket,
          }),
        line(matches) {
          const { promise, resolve } = Promise.withResolvers<CellLine>();
          const look = () => {
            const found = lines.find(matches);
            if (found === undefined) return;
            waiting.delete(look);
            resolve(found);
          };
          waiting.add(look);
          look();
          return promise;
        },
        [Symbol.asyncDispose]: () => cell[Symbol.asyncDispose](),
      };
    },
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]();
      rmSync(runtimeDir, { recursive: true });
    },
  };
}
