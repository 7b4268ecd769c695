import { OpenWorkersError } from "./errors.ts";

// One DNS label (RFC 1035 §2.3.1), short enough for `<version>--<name>` to be a label as well (63 octets), and with the
// underscores that wrangler's names may have: no host name by that RFC, yet URLs, browsers and resolvers take them.
const pattern = /^[a-z0-9]([a-z0-9_-]{0,48}[a-z0-9])?$/;

/** Names that the platform's own workers and hosts use. */
export const reservedNames: ReadonlySet<string> = new Set([
  "api",
  "identity",
  "dashboard",
  "www",
  "logs",
  "postgate",
  "ow",
]);

/** The worker that answers at the base domain itself, where nothing else is routed. */
export const apexWorker = "dashboard";

/**
 * `name` when it can name a worker: a DNS label of 1–50 characters without `--`, in which underscores may stand.
 *
 * @param reserved whether it may be one that the platform's own workers use
 * @throws OpenWorkersError INVALID_NAME
 */
export function parseWorkerName(name: string, { reserved = false } = {}): string {
  if (!pattern.test(name) || name.includes("--")) {
    throw new OpenWorkersError("INVALID_NAME", `"${name}" cannot name a worker.`, {
      field: "worker",
      hint: "Use 1 to 50 lower-case letters and digits, and between them underscores and single hyphens.",
    });
  }
  if (!reserved && reservedNames.has(name)) {
    throw new OpenWorkersError("INVALID_NAME", `"${name}" is reserved for the platform.`, {
      field: "worker",
      hint: "Choose another name, with --name or in wrangler.jsonc.",
    });
  }
  return name;
}

/** `3--hello` is the preview host of version 3 of `hello`. */
export function previewLabel(version: number, worker: string): string {
  return `${version}--${worker}`;
}

/** The worker, and the version when the label is a preview's. */
export function parseHostLabel(label: string): { worker: string; version?: number } | undefined {
  // No leading zero: one version has one address.
  const preview = /^(0|[1-9]\d{0,8})--(.+)$/.exec(label);
  if (preview) {
    const [, version, worker] = preview;
    if (version === undefined || worker === undefined || !pattern.test(worker)) return undefined;
    return { worker, version: Number(version) };
  }
  return pattern.test(label) && !label.includes("--") ? { worker: label } : undefined;
}
