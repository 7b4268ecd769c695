import { z } from "zod";
import { type BindingKind, bindingKinds } from "../bindings.ts";
import { OpenWorkersError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { type EnvValue, moduleTypes, type WorkerCode } from "../worker-code.ts";

/** A worker that is to be started once, to see whether it does. */
export interface StartCheck {
  readonly name: string;
  readonly code: WorkerCode;
  /** Values that it will find on `env`; whatever is sealed is a text that stands for it. */
  readonly env: ReadonlyMap<string, EnvValue>;
  /** Kinds of what it will be bound to, by name: nothing is reached through them. */
  readonly bindings: ReadonlyMap<string, BindingKind>;
  readonly limits: Partial<Limits>;
}

const module = z.object({ name: z.string().min(1).max(1_024), type: z.enum(moduleTypes) });

const metadataSchema = z.object({
  name: z.string().min(1).max(64),
  modules: z.array(module).min(1).max(1_000),
  sourceMaps: z.array(z.string().max(1_024)).max(1_000),
  compatibilityDate: z.string().max(32),
  compatibilityFlags: z.array(z.string().max(128)).max(100),
  env: z.record(z.string(), z.object({ kind: z.enum(["text", "json"]), value: z.string() })),
  bindings: z.record(z.string(), z.enum(bindingKinds)),
  // Judged by `resolveLimits`, with the words that a deploy has for it.
  limits: z.record(z.string(), z.unknown()),
});

const metadataField = "metadata";
const moduleField = (index: number) => `module-${index}`;
const sourceMapField = (index: number) => `source-map-${index}`;

/** The body of `POST /check` to a runner's `PLATFORM`. */
export function checkForm({ name, code, env, bindings, limits }: StartCheck): FormData {
  const form = new FormData();
  const maps = [...code.sourceMaps];
  const metadata: z.input<typeof metadataSchema> = {
    name,
    modules: code.modules.map((each) => ({ name: each.name, type: each.type })),
    sourceMaps: maps.map(([module]) => module),
    compatibilityDate: code.compatibilityDate,
    compatibilityFlags: [...code.compatibilityFlags],
    env: Object.fromEntries(env),
    bindings: Object.fromEntries(bindings),
    limits: { ...limits },
  };
  form.set(metadataField, JSON.stringify(metadata));
  for (const [index, { content }] of code.modules.entries()) form.set(moduleField(index), blob(content));
  for (const [index, [, content]] of maps.entries()) form.set(sourceMapField(index), blob(content));
  return form;
}

/** A form as far as it is read: Bun's types have two that do not know each other. */
export interface FormParts {
  get(name: string): string | Pick<Blob, "arrayBuffer"> | null;
}

/** The other way round. @throws OpenWorkersError INVALID_INPUT */
export async function readCheckForm(form: FormParts): Promise<StartCheck> {
  const metadata = metadataSchema.safeParse(parseJson(form.get(metadataField)));
  if (!metadata.success) {
    throw new OpenWorkersError("INVALID_INPUT", "The metadata of the worker to check cannot be read.", {
      cause: metadata.error,
      details: { issues: metadata.error.issues.map(({ path, message }) => ({ path, message })) },
    });
  }
  const { name, modules, sourceMaps, compatibilityDate, compatibilityFlags, env, bindings, limits } =
    metadata.data;
  return {
    name,
    code: {
      modules: await Promise.all(
        modules.map(async (each, index) => ({ ...each, content: await part(form, moduleField(index)) })),
      ),
      sourceMaps: new Map(
        await Promise.all(
          sourceMaps.map(async (each, index) => [each, await part(form, sourceMapField(index))] as const),
        ),
      ),
      compatibilityDate,
      compatibilityFlags,
    },
    env: new Map(Object.entries(env)),
    bindings: new Map(Object.entries(bindings)),
    limits: limits as Partial<Limits>,
  };
}

const blob = (content: Uint8Array) => new Blob([new Uint8Array(content)]);

async function part(form: FormParts, field: string): Promise<Uint8Array> {
  const found = form.get(field);
  if (found === null || typeof found === "string")
    throw new OpenWorkersError("INVALID_INPUT", `The part ${field} is missing.`);
  return new Uint8Array(await found.arrayBuffer());
}

function parseJson(text: unknown): unknown {
  try {
    return typeof text === "string" ? JSON.parse(text) : undefined;
  } catch {
    return undefined; // which the schema refuses, too
  }
}
