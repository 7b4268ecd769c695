import {
  type BindingKind,
  type EnvValue,
  type Limits,
  OpenWorkersError,
  resolveLimits,
  type WorkerCode,
} from "@openworkers/core";
import type { WorkerExports } from "../logs/parse-line.ts";
import type { CellHost } from "../process/cell-host.ts";
import { unversioned } from "../target.ts";
import { checkStart } from "./check-start.ts";
import { placeholder } from "./placeholder.ts";

/** A worker that is to be started once, to see whether it does. */
export interface StartCheck {
  /** For the message when it does not. */
  readonly name?: string;
  readonly code: WorkerCode;
  /** Values that it will find on `env`; whatever is sealed is a text that stands for it. */
  readonly env: ReadonlyMap<string, EnvValue>;
  /** Kinds of what it will be bound to, by name: nothing is reached through them. */
  readonly bindings: ReadonlyMap<string, BindingKind>;
  readonly limits: Partial<Limits>;
}

/**
 * What a deploy asks first: whether a worker starts, once, in a throw-away cell.
 *
 * @returns what it exports: its handlers (`fetch`, `scheduled`, …) and what other workers can call
 * @throws OpenWorkersError START_FAILED with the worker's own, source-mapped stack trace in the message, INVALID_LIMIT,
 * INVALID_INPUT for a compatibility flag that no worker gets
 */
export async function checkWorker(
  { name = "The worker", code, env, bindings, limits }: StartCheck,
  host: Pick<CellHost, "launchBlank">,
): Promise<WorkerExports> {
  const placeholders = new Map([...bindings].map(([binding, kind]) => [binding, placeholder(kind)]));
  try {
    return await checkStart(
      { code, env, bindings: placeholders, version: unversioned },
      { host, limits: resolveLimits(limits) },
    );
  } catch (thrown) {
    throw withStack(thrown, name);
  }
}

function withStack(thrown: unknown, worker: string): unknown {
  if (!(thrown instanceof OpenWorkersError) || thrown.code !== "START_FAILED") return thrown;
  const { stack } = thrown.details ?? {};
  const trace = typeof stack === "string" && stack !== "" ? stack : thrown.message;
  return new OpenWorkersError("START_FAILED", `${worker} does not start; nothing has changed.\n\n${trace}`, {
    cause: thrown,
    hint: hintFor(trace) ?? thrown.hint ?? "Correct the worker and deploy it again.",
    ...(thrown.details === undefined ? {} : { details: thrown.details }),
  });
}

/** What to do about the runtime's most frequent refusals, which name their cause in its own words. */
function hintFor(trace: string): string | undefined {
  // What stands beside the default export must be a class or an object with handlers (workerd, api/worker-rpc.h).
  const exported = /Incorrect type for map entry '([^']+)'/.exec(trace)?.[1];
  if (exported !== undefined && exported !== "default") {
    return `The entry module may export handlers and classes only: leave out the export of ${exported}, or move it to a module of its own.`;
  }
  const missing = /No such module "?(?:node:)?([\w/.-]+)/.exec(trace)?.[1];
  if (missing === undefined) return undefined;
  return trace.includes("node:")
    ? `node:${missing} is not available: set "compatibility_flags": ["nodejs_compat"] and a recent compatibility_date.`
    : `The module ${missing} is not part of the bundle: import it by a literal name, or use find_additional_modules.`;
}
