import { ProtocolViolation } from "./startup-packet.ts";

// `user` and `database` are those of the platform's own session; the rest would either make it something other than a
// session or act before its limits do.
const notSettings = new Set(["user", "database", "options", "replication"]);
const refused = new Set(["local_preload_libraries", "post_auth_delay", "ignore_system_indexes"]);
const settingName = /^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)*$/i;

/**
 * The settings that a client asks for in its start-up packet, by name or in `options` (`-c search_path=app`).
 * PostgreSQL judges them: what only a superuser may set is refused by it.
 *
 * @throws ProtocolViolation for replication, and for what has no place in a session
 */
export function startupSettings(parameters: ReadonlyMap<string, string>): Record<string, string> {
  if (!/^(|false|off|no|0)$/i.test(parameters.get("replication") ?? "")) {
    throw new ProtocolViolation("replication connections are not offered here", "0A000");
  }
  const settings: Record<string, string> = {};
  const take = (name: string, value: string) => {
    const lower = name.toLowerCase().replaceAll("-", "_");
    if (refused.has(lower) || notSettings.has(lower) || !settingName.test(lower)) {
      throw new ProtocolViolation(`parameter "${name}" cannot be set at connection start`, "42501");
    }
    settings[lower] = value;
  };
  for (const [name, value] of parameters) {
    // Protocol extensions, of which we have none: said in NegotiateProtocolVersion.
    if (!notSettings.has(name) && !name.startsWith("_pq_.")) take(name, value);
  }
  for (const [name, value] of parseOptions(parameters.get("options") ?? "")) take(name, value);
  return settings;
}

/** Names of protocol extensions that the client would like. */
export function wantedExtensions(parameters: ReadonlyMap<string, string>): string[] {
  return [...parameters.keys()].filter((name) => name.startsWith("_pq_."));
}

// As `pg_split_opts` and `process_postgres_switches` read it: words by white space, a backslash keeps the next character.
function* parseOptions(options: string): Generator<[string, string]> {
  const words = (options.match(/(?:\\[\s\S]|[^\\\s])+/g) ?? []).map((word) =>
    word.replace(/\\([\s\S])/g, "$1"),
  );
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    let setting: string;
    if (word === "-c" || word === "--") setting = words[++at] ?? "";
    else if (word.startsWith("-c") || word.startsWith("--")) setting = word.slice(2);
    else throw new ProtocolViolation(`invalid command-line argument for server process: ${word}`, "42601");
    const equals = setting.indexOf("=");
    if (equals < 1) throw new ProtocolViolation(`-c ${setting} requires a value`, "42601");
    yield [setting.slice(0, equals), setting.slice(equals + 1)];
  }
}
