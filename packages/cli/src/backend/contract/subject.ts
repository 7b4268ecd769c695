import { isOpenWorkersError, type WorkerCode } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import type { Backend, DeployInput } from "../backend.ts";

/** A backend on an empty platform. */
export interface Subject extends AsyncDisposable {
  readonly backend: Backend;
  /** The platform's own database, to look at what the backend has done. */
  readonly database: Database;
  /** Whether it acts as the operator, whose domains need no proof. */
  readonly operator: boolean;
}

/** Makes an empty platform and a backend on it. */
export type OpenSubject = () => Promise<Subject>;

/** A worker's code that exports nothing but an empty object. */
export const emptyCode: WorkerCode = {
  modules: [{ name: "index.js", type: "esModule", content: new TextEncoder().encode("export default {}") }],
  compatibilityDate: "2026-11-01",
  compatibilityFlags: [],
  sourceMaps: new Map(),
};

/** A deploy of the worker `hello`, with what `extra` says else. */
export function input(extra: Partial<DeployInput> = {}): DeployInput {
  return {
    worker: "hello",
    code: emptyCode,
    vars: new Map(),
    bindings: new Map(),
    limits: {},
    domains: [],
    percent: 100,
    ...extra,
  };
}

/** The code of the error that `work` fails with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  const thrown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isOpenWorkersError(thrown)) throw new Error(`expected an OpenWorkersError, got ${thrown}`);
  return thrown.code;
}

/** A value as a stream of chunks. */
export async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield new TextEncoder().encode(text);
}

/** A stream's text. */
export async function textOf(stream: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(stream)).toString();
}
