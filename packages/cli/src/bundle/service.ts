import { stop } from "esbuild";

/** The process that bundles, which esbuild starts with the first bundle and keeps for the next; disposed of, it ends. */
export function bundler(): AsyncDisposable {
  return { [Symbol.asyncDispose]: async () => stop() };
}
