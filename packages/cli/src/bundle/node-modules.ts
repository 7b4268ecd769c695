/**
 * Which Node.js modules the runtime has of its own, and since when. From the table that wrangler's
 * unenv-preset keeps (cloudflare/workers-sdk, packages/unenv-preset/src/preset.ts).
 */
const always = [
  "_stream_duplex",
  "_stream_passthrough",
  "_stream_readable",
  "_stream_transform",
  "_stream_writable",
  "_tls_common",
  "_tls_wrap",
  "assert",
  "assert/strict",
  "async_hooks",
  "buffer",
  "constants",
  "crypto",
  "diagnostics_channel",
  "dns",
  "dns/promises",
  "events",
  "module",
  "net",
  "path",
  "path/posix",
  "path/win32",
  "process",
  "querystring",
  "stream",
  "stream/consumers",
  "stream/promises",
  "stream/web",
  "string_decoder",
  "sys",
  "timers",
  "timers/promises",
  "tls",
  "url",
  "util",
  "util/types",
  "zlib",
] as const;

interface Gate {
  readonly modules: readonly string[];
  /** First compatibility date with which the module is there by itself. */
  readonly since: string;
  /** `enable_<flag>` has it earlier, `disable_<flag>` never. */
  readonly flag: string;
}

const http = [
  "_http_agent",
  "_http_client",
  "_http_common",
  "_http_incoming",
  "_http_outgoing",
  "http",
  "https",
];

const gates: readonly Gate[] = [
  { modules: http, since: "2025-08-15", flag: "nodejs_http_modules" },
  { modules: ["_http_server", "http", "https"], since: "2025-09-01", flag: "nodejs_http_server_modules" },
  { modules: ["http2"], since: "2025-09-01", flag: "nodejs_http2_module" },
  { modules: ["os"], since: "2025-09-15", flag: "nodejs_os_module" },
  { modules: ["fs", "fs/promises"], since: "2025-09-15", flag: "nodejs_fs_module" },
  { modules: ["console"], since: "2025-09-21", flag: "nodejs_console_module" },
  { modules: ["vm"], since: "2025-10-01", flag: "nodejs_vm_module" },
  { modules: ["punycode"], since: "2025-12-04", flag: "nodejs_punycode_module" },
  { modules: ["cluster"], since: "2025-12-04", flag: "nodejs_cluster_module" },
  { modules: ["trace_events"], since: "2025-12-04", flag: "nodejs_trace_events_module" },
  { modules: ["domain"], since: "2025-12-04", flag: "nodejs_domain_module" },
  { modules: ["wasi"], since: "2025-12-04", flag: "nodejs_wasi_module" },
  { modules: ["inspector", "inspector/promises"], since: "2026-01-29", flag: "nodejs_inspector_module" },
  { modules: ["sqlite"], since: "2026-01-29", flag: "nodejs_sqlite_module" },
  { modules: ["dgram"], since: "2026-01-29", flag: "nodejs_dgram_module" },
  { modules: ["_stream_wrap"], since: "2026-01-29", flag: "nodejs_stream_wrap_module" },
  { modules: ["repl"], since: "2026-03-17", flag: "nodejs_repl_module" },
  { modules: ["v8"], since: "2026-03-17", flag: "nodejs_v8_module" },
  { modules: ["tty"], since: "2026-03-17", flag: "nodejs_tty_module" },
  { modules: ["child_process"], since: "2026-03-17", flag: "nodejs_child_process_module" },
  { modules: ["worker_threads"], since: "2026-03-17", flag: "nodejs_worker_threads_module" },
  { modules: ["readline", "readline/promises"], since: "2026-03-17", flag: "nodejs_readline_module" },
  { modules: ["perf_hooks"], since: "2026-03-17", flag: "nodejs_perf_hooks_module" },
];

// These exist only under `node:`; the bare word is an npm package (`sqlite`) or nothing.
const prefixedOnly = new Set(["sqlite", "sea", "test", "test/reporters"]);

/** Names that mean a Node.js module without the `node:` prefix, under `nodejs_compat`. */
export const bareNodeModules: ReadonlySet<string> = new Set(
  [...always, ...gates.flatMap(({ modules }) => modules)].filter((name) => !prefixedOnly.has(name)),
);

/** From here on the runtime turns `nodejs_compat` on by itself (seen with workerd 1.20261117). */
const compatByDefaultSince = "2026-08-04";

/** Whether a worker with this date and these flags has Node.js modules at all. */
export function hasNodeCompat(date: string, flags: readonly string[]): boolean {
  if (flags.includes("no_nodejs_compat")) return false;
  return (
    date >= compatByDefaultSince || flags.includes("nodejs_compat") || flags.includes("nodejs_compat_v2")
  );
}

/**
 * The flags that make the `imported` Node.js modules (bare names) available to a worker with an older date.
 * wrangler bundles JavaScript stand-ins for those; the runtime's own modules are smaller, and real.
 */
export function flagsForNodeModules(
  imported: ReadonlySet<string>,
  date: string,
  flags: readonly string[],
): string[] {
  if (!hasNodeCompat(date, flags)) return [];
  return gates
    .filter(({ modules, since, flag }) => {
      if (date >= since || flags.includes(`enable_${flag}`) || flags.includes(`disable_${flag}`))
        return false;
      return modules.some((name) => imported.has(name));
    })
    .map(({ flag }) => `enable_${flag}`);
}
