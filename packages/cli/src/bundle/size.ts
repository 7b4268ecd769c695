import { type Module, maxScriptBytes, OpenWorkersError } from "@openworkers/core";
import { formatBytes } from "../output/format.ts";

export interface SizedInput {
  readonly path: string;
  readonly bytes: number;
}

/** How many inputs the refusal names. */
const shownInputs = 8;

/** Sum of the modules' bytes: what `maxScriptBytes` limits. */
export function totalBytes(modules: readonly Module[]): number {
  return modules.reduce((sum, { content }) => sum + content.byteLength, 0);
}

/**
 * @param inputs what each source file contributes to the modules
 * @throws OpenWorkersError SCRIPT_TOO_LARGE, naming the biggest inputs
 */
export function checkSize(
  modules: readonly Module[],
  inputs: readonly SizedInput[],
  limit = maxScriptBytes,
): number {
  const bytes = totalBytes(modules);
  if (bytes <= limit) return bytes;
  const biggest = [...inputs].sort((a, b) => b.bytes - a.bytes).slice(0, shownInputs);
  const list = biggest
    .map(({ path, bytes: size }) => `  ${formatBytes(size).padStart(10)}  ${path}`)
    .join("\n");
  throw new OpenWorkersError(
    "SCRIPT_TOO_LARGE",
    `The worker is ${formatBytes(bytes)}; the limit is ${formatBytes(limit)}. Its biggest parts:\n${list}`,
    {
      hint: 'Leave out what is not needed, or set "minify": true in wrangler.jsonc.',
      details: { bytes, limit, biggest },
    },
  );
}
