import type { CodeMetadata } from "./code-form.ts";
import type { WorkerCode } from "./worker-code.ts";

// Apart from what reads such a form: that has schemas, whose library no page should load to send one.

export const metadataPart = "metadata";
export const mapPrefix = "map:";

/** A form that `readCode` reads, with `metadata` over what the code itself says. */
export function codeForm(code: WorkerCode, metadata: Readonly<Record<string, unknown>> = {}): FormData {
  const form = new FormData();
  const said: CodeMetadata = {
    modules: code.modules.map(({ name, type }) => ({ name, type })),
    compatibilityDate: code.compatibilityDate,
    compatibilityFlags: [...code.compatibilityFlags],
  };
  const json = JSON.stringify({ ...said, ...metadata });
  form.set(metadataPart, new Blob([json], { type: "application/json" }));
  for (const { name, content } of code.modules) form.set(name, part(content), "module");
  for (const [name, content] of code.sourceMaps) form.set(mapPrefix + name, part(content), "map");
  return form;
}

function part(content: Uint8Array): Blob {
  return new Blob([new Uint8Array(content)]);
}
