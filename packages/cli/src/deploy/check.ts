import { type Binding, type EnvValue, OpenWorkersError, resolveLimits } from "@openworkers/core";
import { checkStart, unversioned, type WorkerExports } from "@openworkers/runner";
import { type Backend, isEnvironmentBinding } from "../backend/backend.ts";
import { openOwnCells } from "../platform/cell-host.ts";
import type { SandboxKind } from "../platform/sandbox-kind.ts";
import type { BuiltWorker } from "./build.ts";
import { placeholder } from "./placeholders.ts";

// A sealed secret cannot be read here, and a worker that looks at it while starting must not fail for that.
const unreadable = "placeholder";

/**
 * Starts the worker once in a throw-away cell, with the environment that it will have.
 *
 * @returns what it exports: its handlers (`fetch`, `scheduled`, …) and what other workers can call
 * @throws OpenWorkersError START_FAILED with the worker's own, source-mapped stack trace in the message
 */
export async function checkStarts(
  built: BuiltWorker,
  { backend, sandbox }: { readonly backend: Backend; readonly sandbox: SandboxKind },
): Promise<WorkerExports> {
  const { project, bundle } = built;
  const env = await environmentOf(built, backend);
  const bindings = await bindingsOf(built, backend);
  await using host = await openOwnCells(sandbox);
  try {
    const limits = resolveLimits(project.limits);
    return await checkStart({ code: bundle.code, env, bindings, version: unversioned }, { host, limits });
  } catch (thrown) {
    throw withStack(thrown, project.name);
  }
}

async function environmentOf(built: BuiltWorker, backend: Backend): Promise<Map<string, EnvValue>> {
  const env = new Map<string, EnvValue>(built.project.vars);
  for (const { name, value } of await backend.values(built.project.name, { missingIsEmpty: true })) {
    env.set(name, { kind: "text", value: value ?? unreadable });
  }
  for (const [name, value] of [...built.vars, ...built.secrets]) env.set(name, { kind: "text", value });
  return env;
}

async function bindingsOf({ project }: BuiltWorker, backend: Backend): Promise<Map<string, Binding>> {
  const bindings = new Map([...project.bindings].map(([name, wanted]) => [name, placeholder(wanted)]));
  for (const { name, kind, source } of await backend.bindings(project.name, { missingIsEmpty: true })) {
    if (source === "environment" && isEnvironmentBinding(kind)) bindings.set(name, placeholder({ kind }));
  }
  return bindings;
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
