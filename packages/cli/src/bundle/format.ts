export type WorkerFormat = "modules" | "service-worker";

/**
 * A worker whose main module has no default export, and registers a listener, is written in the old service
 * worker syntax; the runner's prelude dispatches to its listeners.
 */
export function workerFormat(exports: readonly string[], code: string): WorkerFormat {
  if (exports.includes("default")) return "modules";
  return /\baddEventListener\s*\(/.test(code) ? "service-worker" : "modules";
}
