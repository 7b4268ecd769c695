import type { BindingKind, EnvValue } from "@openworkers/core";
import { checkWorker, type WorkerExports } from "@openworkers/runner";
import { type Backend, isEnvironmentBinding } from "../backend/backend.ts";
import { openOwnCells } from "../platform/cell-host.ts";
import type { SandboxKind } from "../platform/sandbox-kind.ts";
import type { BuiltWorker } from "./build.ts";

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
  const { name, limits } = built.project;
  const env = await environmentOf(built, backend);
  const bindings = await bindingsOf(built, backend);
  await using host = await openOwnCells(sandbox);
  return await checkWorker({ name, code: built.bundle.code, env, bindings, limits }, host);
}

async function environmentOf(built: BuiltWorker, backend: Backend): Promise<Map<string, EnvValue>> {
  const env = new Map<string, EnvValue>(built.project.vars);
  for (const { name, value } of await backend.values(built.project.name, { missingIsEmpty: true })) {
    env.set(name, { kind: "text", value: value ?? unreadable });
  }
  for (const [name, value] of [...built.vars, ...built.secrets]) env.set(name, { kind: "text", value });
  return env;
}

async function bindingsOf({ project }: BuiltWorker, backend: Backend): Promise<Map<string, BindingKind>> {
  const bindings = new Map([...project.bindings].map(([name, { kind }]) => [name, kind]));
  for (const { name, kind, source } of await backend.bindings(project.name, { missingIsEmpty: true })) {
    if (source === "environment" && isEnvironmentBinding(kind)) bindings.set(name, kind);
  }
  return bindings;
}
