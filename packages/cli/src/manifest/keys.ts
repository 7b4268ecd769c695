import { manifestFileSchema } from "./schema.ts";

const supported = new Set(Object.keys(manifestFileSchema.shape));

/** Keys without an effect here that are no loss either: what they ask for is so anyway, or is about an account. */
const ignored = new Set([
  "$schema",
  "account_id",
  "compliance_region",
  "configPath",
  "dev",
  "keep_vars",
  "legacy_env",
  "observability",
  "preserve_file_names",
  "preview_urls",
  "python_modules",
  "send_metrics",
  "topLevelName",
  "upload_source_maps",
  "usage_model",
  "userConfigPath",
  "workers_dev",
]);

/** Keys that the manifest's own documentation has and this release does not act on: the worker would miss them. */
const unsupported = new Set([
  "agent_memory",
  "ai",
  "ai_search",
  "ai_search_namespaces",
  "analytics_engine_datasets",
  "artifacts",
  "browser",
  "build",
  "cache",
  "cloudchamber",
  "containers",
  "data_blobs",
  "dispatch_namespaces",
  "durable_objects",
  "exports",
  "first_party_worker",
  "flagship",
  "images",
  "logfwdr",
  "logpush",
  "media",
  "migrations",
  "mtls_certificates",
  "pages_build_output_dir",
  "pipelines",
  "placement",
  "previews",
  "secrets",
  "secrets_store_secrets",
  "send_email",
  "site",
  "stream",
  "streaming_tail_consumers",
  "tail_consumers",
  "text_blobs",
  "unsafe_hello_world",
  "vectorize",
  "vpc_networks",
  "vpc_services",
  "wasm_modules",
  "websearch",
  "worker_loaders",
  "workflows",
]);

/** One warning for each key of `section` that has no effect although its author expects one. */
export function keyWarnings(section: Readonly<Record<string, unknown>>, where: string): string[] {
  return Object.keys(section).flatMap((key) => {
    if (supported.has(key) || ignored.has(key)) return [];
    const asksNothing = isEmpty(section[key]) || runsNothing(key, section[key]);
    if (unsupported.has(key)) {
      return asksNothing
        ? []
        : [`${where}${key} is not supported in this release; the worker runs without it.`];
    }
    const near = nearest(key, [...supported, ...unsupported]);
    // A build that writes a manifest writes out every key that it knows.
    if (near === undefined && asksNothing) return [];
    return [`${where}${key} is not a known key and has no effect.${near ? ` Did you mean ${near}?` : ""}`];
  });
}

/** Whether a key's value asks for nothing. */
export function isEmpty(value: unknown): boolean {
  return value === false || isBlank(value);
}

function isBlank(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  return typeof value === "object" && Object.values(value).every(isBlank);
}

/** Without a command, `build` says only what a build would watch. */
const runsNothing = (key: string, value: unknown) =>
  key === "build" && typeof value === "object" && value !== null && !("command" in value);

/** The candidate that is at most a third of its length away from `word`, if there is one. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: { word: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate);
    if (distance <= Math.max(1, candidate.length / 3) && (!best || distance < best.distance)) {
      best = { word: candidate, distance };
    }
  }
  return best?.word;
}

/** Levenshtein distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const substitute = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(substitute, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
