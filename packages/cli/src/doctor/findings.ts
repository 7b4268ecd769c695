import { messageOf } from "@openworkers/core";
import { connect, type Database, pendingMigrations } from "@openworkers/db";
import { sql } from "kysely";
import cliPackage from "../../package.json" with { type: "json" };
import { newestCompatibilityDate } from "../manifest/compatibility-date.ts";
import { checkPort } from "../platform/port.ts";
import { formatFaces } from "../platform/postgate.ts";
import { type Profile, runningProfiles } from "../profile/profile.ts";
import { type Finding, hintOf } from "./finding.ts";
import { kernelFindings } from "./kernel.ts";
import { openFilesFindings } from "./open-files.ts";
import { sandboxFindings } from "./sandbox.ts";

/** Looks at everything the platform needs, and really starts a sandboxed cell. Never throws. */
export async function findings(options: { readonly port: number }): Promise<Finding[]> {
  const running = await runningProfiles().catch(() => []);
  const checks = [
    versions(),
    kernelFindings(),
    sandboxFindings(),
    openFilesFindings(running.map(({ pid }) => pid)),
    port(options.port, running),
    platforms(running),
    database(running),
    tenantDatabases(running),
  ];
  return (await Promise.all(checks)).flat();
}

async function versions(): Promise<Finding[]> {
  const says = `ow ${cliPackage.version}, Bun ${Bun.version}, compatibility dates up to ${newestCompatibilityDate()}`;
  return [{ state: "ok", what: "versions", says }];
}

async function port(number: number, running: readonly Profile[]): Promise<Finding[]> {
  const owner = running.find((profile) => profile.port === number);
  if (owner !== undefined) {
    return [{ state: "ok", what: "port", says: `${number} is served by the platform ${owner.name}` }];
  }
  try {
    await checkPort(number, "127.0.0.1");
    return [{ state: "ok", what: "port", says: `${number} is free` }];
  } catch (thrown) {
    return [{ state: "warn", what: "port", says: messageOf(thrown), ...hintOf(thrown) }];
  }
}

async function platforms(running: readonly Profile[]): Promise<Finding[]> {
  if (running.length === 0)
    return [{ state: "ok", what: "platform", says: "none is running; `ow up` starts one" }];
  return running.map(({ name, dataDir, sandbox: kind }) => ({
    state: kind === "none" ? "warn" : "ok",
    what: "platform",
    says: `${name} runs on ${dataDir}, sandbox ${kind}`,
  }));
}

async function database(running: readonly Profile[]): Promise<Finding[]> {
  const { DATABASE_URL: configured } = process.env;
  const url = configured ?? running[0]?.databaseUrl;
  if (url === undefined) {
    return [{ state: "ok", what: "database", says: "embedded; it starts with `ow up`" }];
  }
  try {
    await using pool = connect(url, { max: 1, applicationName: "ow doctor", connectTimeoutMs: 3_000 });
    await pool.ping();
    const pending = await pendingMigrations(pool);
    if (pending.length === 0)
      return [{ state: "ok", what: "database", says: `${pool.place} answers and is up to date` }];
    const says = `${pool.place} lacks ${pending.join(", ")}`;
    return [
      {
        state: "warn",
        what: "database",
        says,
        hint: "Run `ow migrate`, or start the platform with `ow up`.",
      },
    ];
  } catch (thrown) {
    return [{ state: "fail", what: "database", says: messageOf(thrown), ...hintOf(thrown) }];
  }
}

/** Whether tenant databases can be served: by what runs, or by the server that would be used. */
async function tenantDatabases(running: readonly Profile[]): Promise<Finding[]> {
  const what = "tenant databases";
  if (running.length > 0) {
    return await Promise.all(running.map((profile) => servedBy(profile, what)));
  }
  const url = process.env.OW_TENANTS_URL ?? process.env.DATABASE_URL;
  if (url === undefined)
    return [{ state: "ok", what, says: "on the embedded PostgreSQL; they start with `ow up`" }];
  try {
    await using pool = connect(url, { max: 1, applicationName: "ow doctor", connectTimeoutMs: 3_000 });
    return [await fitness(pool, what)];
  } catch (thrown) {
    return [{ state: "warn", what, says: messageOf(thrown), ...hintOf(thrown) }];
  }
}

async function servedBy({ name, databases }: Profile, what: string): Promise<Finding> {
  if (databases === undefined) {
    const hint = "`ow up` said why when it started: the role of the server must be a superuser.";
    return { state: "warn", what, says: `off on the platform ${name}`, hint };
  }
  try {
    const health = await fetch(new URL("health", databases.http), { signal: AbortSignal.timeout(3_000) });
    if (health.ok) return { state: "ok", what, says: formatFaces(databases) };
    return { state: "fail", what, says: `${databases.http} answers ${health.status}` };
  } catch (thrown) {
    return { state: "fail", what, says: `${databases.http} does not answer: ${messageOf(thrown)}` };
  }
}

/** As Postgate judges the server when it starts, without changing anything there. */
async function fitness(pool: Database, what: string): Promise<Finding> {
  const { rows } = await pool.read((queries) =>
    sql<{ fit: boolean; version: string }>`
      select rolsuper and current_setting('server_version_num')::int >= 150000 as fit, current_setting('server_version') as version
      from pg_roles where rolname = current_user`.execute(queries),
  );
  const [facts] = rows;
  if (facts?.fit === true)
    return { state: "ok", what, says: `${pool.place} can hold them (PostgreSQL ${facts.version})` };
  const says = `${pool.place} cannot hold them: PostgreSQL ${facts?.version}, or not as a superuser`;
  return { state: "warn", what, says, hint: "Name a server that can, as a superuser of it: OW_TENANTS_URL" };
}
