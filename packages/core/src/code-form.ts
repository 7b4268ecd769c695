import { z } from "zod";
import { bindingKinds } from "./bindings.ts";
import { mapPrefix, metadataPart } from "./code-form-writer.ts";
import { OpenWorkersError } from "./errors.ts";
import { limitsSchema, maxScriptBytes } from "./limits.ts";
import { type Module, moduleTypes, type WorkerCode } from "./worker-code.ts";

export { codeForm } from "./code-form-writer.ts";

/** How many modules a worker may be sent in. */
export const maxModules = 1_000;

/**
 * What the part `metadata` of a form with a worker's code says, at least. Each module is a part with the module's name,
 * and each source map one with `map:` before it.
 */
export const codeMetadataSchema = z.object({
  /** The first is the main one. */
  modules: z
    .array(z.object({ name: z.string().min(1).max(1_024), type: z.enum(moduleTypes) }))
    .min(1)
    .max(maxModules),
  compatibilityDate: z.iso.date(),
  compatibilityFlags: z.array(z.string().min(1).max(128)).max(64).default([]),
});

export const envValueSchema = z.object({ kind: z.enum(["text", "json"]), value: z.string() });

/** What the form of a check says besides (`POST /check` of a platform's services): the shape of the worker's `env`. */
export const checkMetadataSchema = codeMetadataSchema.extend({
  env: z.record(z.string(), envValueSchema).default({}),
  bindings: z.record(z.string(), z.enum(bindingKinds)).default({}),
  limits: limitsSchema.partial().default({}),
});

export type CodeMetadata = z.input<typeof codeMetadataSchema>;
export type CheckMetadata = z.input<typeof checkMetadataSchema>;

/** What a start of a worker found. */
export const checkedSchema = z.object({
  /** Names of the exports that other workers can call. */
  entrypoints: z.array(z.string()),
  /** Those of its default export: `fetch`, `scheduled` … */
  handlers: z.array(z.string()).default([]),
  startMs: z.number(),
});
export type CheckedStart = z.output<typeof checkedSchema>;

/**
 * What the part `metadata` of a form says, as JSON.
 *
 * @throws OpenWorkersError INVALID_INPUT
 */
export async function formMetadata(form: FormData): Promise<unknown> {
  const metadata = form.get(metadataPart);
  if (metadata === null) throw invalid("metadata", `The form has no part "${metadataPart}".`);
  try {
    return JSON.parse(typeof metadata === "string" ? metadata : await metadata.text());
  } catch (cause) {
    throw invalid("metadata", `The part "${metadataPart}" is not JSON.`, cause);
  }
}

/**
 * The code in a form.
 *
 * @throws OpenWorkersError INVALID_INPUT (a part is missing or is no module), SCRIPT_TOO_LARGE
 */
export async function readCode(
  form: FormData,
  metadata: z.output<typeof codeMetadataSchema>,
): Promise<WorkerCode> {
  const names = new Set(metadata.modules.map(({ name }) => name));
  const modules: Module[] = [];
  let bytes = 0;
  for (const { name, type } of metadata.modules) {
    if (name === metadataPart) throw invalid(name, `A module cannot be named "${name}".`);
    const content = await contentOf(form, name);
    if (content === undefined) throw invalid(name, `The form has no part for the module "${name}".`);
    bytes += content.byteLength;
    if (bytes > maxScriptBytes) {
      throw new OpenWorkersError(
        "SCRIPT_TOO_LARGE",
        `The worker's modules are more than ${maxScriptBytes} bytes.`,
      );
    }
    modules.push({ name, type, content });
  }
  const sourceMaps = new Map<string, Uint8Array>();
  for (const key of form.keys()) {
    if (key === metadataPart || names.has(key)) continue;
    const name = key.startsWith(mapPrefix) ? key.slice(mapPrefix.length) : undefined;
    const content = name === undefined || !names.has(name) ? undefined : await contentOf(form, key);
    if (name === undefined || content === undefined) {
      throw invalid(key, `The part "${key}" is neither a module of the metadata nor the map of one.`);
    }
    sourceMaps.set(name, content);
  }
  const { compatibilityDate, compatibilityFlags } = metadata;
  return { modules, compatibilityDate, compatibilityFlags, sourceMaps };
}

async function contentOf(form: FormData, name: string): Promise<Uint8Array | undefined> {
  const content = form.get(name);
  if (content === null) return undefined;
  if (typeof content === "string") return new TextEncoder().encode(content);
  return new Uint8Array(await content.arrayBuffer());
}

function invalid(field: string, message: string, cause?: unknown): OpenWorkersError {
  return new OpenWorkersError("INVALID_INPUT", message, {
    cause,
    details: { issues: [{ path: field, message }] },
  });
}
