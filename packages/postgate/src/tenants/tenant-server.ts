import { type DatabaseId, type DatabaseLimits, OpenWorkersError } from "@openworkers/core";
import { type Address, Database, parseAddress, type Queries } from "@openworkers/db";
import { sql } from "kysely";
import { escapeIdentifier, escapeLiteral } from "pg";
import { type DatabaseRole, databaseRoles, tenantNames, tenantOf } from "../tenant.ts";
import { endSessions } from "./end-sessions.ts";
import { fencesSql } from "./fences.ts";
import { grantsSql } from "./grants.ts";
import { handoverSql } from "./handover.ts";
import { limitsSql, type RolePasswords, rolesSql } from "./roles.ts";
import { locale, type ServerFacts, type ServerReport, serverFacts, serverWarnings } from "./server-facts.ts";
import { look, run } from "./statements.ts";
import { changedByTenants, suspension } from "./unwell.ts";

/** What of a tenant is on the server. */
export interface TenantOnServer {
  readonly id: DatabaseId;
  /** Whether its database is there and finished. */
  readonly state: "ready" | "unfinished" | "roles-only";
}

export const templateName = "ow_tenants";
// Held by who makes or mends the template. Any number; the same for every version.
const templateLock = 4_070_001;
/** A tenant's transaction may hold its role's row: then this fails, and is for the next time. */
const impatient = "set local lock_timeout = '2s';";
/** Above it a copy by files beats one through the log of the server. */
const copyByFilesBytes = 128 * 2 ** 20;

/**
 * The server that holds the tenants' databases, as its superuser sees it: makes, changes and drops them. Every step may
 * be taken again, so what a process leaves half done the next call finishes.
 *
 * No SQL of a tenant's is run as this user: in a tenant's database it touches system catalogs alone, with nothing else
 * in its search path.
 */
export class TenantServer implements AsyncDisposable {
  readonly address: Address;
  readonly #database: Database;
  #facts: Promise<ServerFacts> | undefined;

  /** `url`: of any database there but a tenant's, as a superuser. @throws OpenWorkersError CONFIG_INVALID */
  static connect(url: string): TenantServer {
    return new TenantServer(parseAddress(url));
  }

  constructor(address: Address) {
    this.address = address;
    this.#database = new Database(address, { max: 8, applicationName: "openworkers-tenants" });
  }

  /**
   * Makes the template for tenants' databases, or brings its fences up to date; shuts the databases of the platform to
   * all who were not let in by name. Any number of processes may call it at once.
   *
   * @throws OpenWorkersError CONFIG_INVALID (not a superuser), DATABASE_UNAVAILABLE
   */
  async prepare(): Promise<ServerReport> {
    const { version, mark } = await this.#serverFacts();
    const changed = await this.#database.exclusively(templateLock, async (queries) => {
      const isMade = (await look(queries, templateName))?.mark === mark;
      if (!isMade) await this.#makeTemplate(queries, version, mark);
      // Of two who change one database's privileges at a time, PostgreSQL refuses one.
      const names = new Set([this.address.database, "postgres", "template1"]);
      for (const name of names) await run(queries, shutSql(name));
      return !isMade;
    });
    return { version, changed, warnings: await this.#database.read(serverWarnings) };
  }

  /**
   * Makes the database and its roles, or finishes what another call began; returns when sessions may log in.
   *
   * @throws OpenWorkersError DATABASE_UNAVAILABLE
   */
  async make(id: DatabaseId, passwords: RolePasswords, limits: DatabaseLimits): Promise<void> {
    await this.#build(id, passwords, limits, async (queries, database) => {
      await run(
        queries,
        `create database ${database} template ${templateName} strategy wal_log connection limit 0`,
      );
      return undefined;
    });
  }

  /**
   * Makes `to` a copy of `from`, with roles of its own that may do what those of `from` may. The sessions of `from` are
   * ended, and none begins until the copy is made: PostgreSQL copies only what nobody uses.
   *
   * @throws OpenWorkersError NOT_FOUND (there is no `from`), DATABASE_UNAVAILABLE
   */
  async fork(
    from: DatabaseId,
    to: DatabaseId,
    passwords: RolePasswords,
    limits: DatabaseLimits,
  ): Promise<void> {
    const source = tenantNames(from);
    await this.#build(to, passwords, limits, async (queries, database) => {
      // Whoever heals `from` meanwhile would open it.
      await sql`select pg_advisory_lock(${lockOf(from)})`.execute(queries);
      const found = await look(queries, source.database);
      if (found === undefined) throw new OpenWorkersError("NOT_FOUND", `There is no database ${from}.`);
      try {
        await run(queries, `alter database ${source.database} connection limit 0`);
        await endSessions(queries, from, databaseRoles);
        const strategy = found.bytes > copyByFilesBytes ? "file_copy" : "wal_log";
        await run(
          queries,
          `create database ${database} template ${source.database} strategy ${strategy} connection limit 0`,
        );
      } finally {
        await run(
          queries,
          `alter database ${source.database} connection limit ${found.connectionLimit};
           select pg_advisory_unlock(${lockOf(from)})`,
        );
      }
      return handoverSql(source, tenantNames(to));
    });
  }

  /** Brings the fences of a finished database up to date. Its sessions go on. Returns whether there was anything to do. */
  async renewFences(id: DatabaseId): Promise<boolean> {
    const { mark } = await this.#serverFacts();
    const { database } = tenantNames(id);
    return this.#database.exclusively(lockOf(id), async (queries) => {
      const found = await look(queries, database);
      if (found?.mark == null || found.mark === mark) return false;
      await this.#inside(database, `${impatient} ${fencesSql()}`);
      await run(queries, `comment on database ${database} is ${escapeLiteral(mark)}`);
      return true;
    });
  }

  /** Puts new limits into force: at once for connections, for temporary files with the next session. */
  async applyLimits(id: DatabaseId, limits: DatabaseLimits): Promise<void> {
    await this.#database.read((queries) => run(queries, limitsSql(id, limits)));
  }

  /**
   * Makes the roles and limits of a finished database what they should be, ends its sessions when somebody had changed
   * them, and ends a suspension: a role may change its own password and the settings of its sessions to come, which
   * PostgreSQL does not let us forbid. Returns whether anything had to be changed.
   */
  async heal(id: DatabaseId, passwords: RolePasswords, limits: DatabaseLimits): Promise<boolean> {
    const { database } = tenantNames(id);
    const statements = rolesSql(id, passwords);
    return this.#database.exclusively(lockOf(id), async (queries) => {
      const found = await changedByTenants(queries, database);
      if (found.length === 0) return false;
      // The others have done nothing: whoever may only read must not end the sessions of those who write.
      const ended = databaseRoles.filter((role) => found.includes(tenantNames(id).roles[role]));
      // Before it, for what they have changed and not committed would be waited for; and who came meanwhile after it.
      await endSessions(queries, id, ended);
      await run(
        queries,
        `${impatient} ${statements}; ${limitsSql(id, limits)}; alter database ${database} reset ${suspension}`,
      );
      await endSessions(queries, id, ended);
      return true;
    });
  }

  /** Tenants that have something to heal: see `heal`. Those that are suspended have not, for as long as they are. */
  async unwell(): Promise<Set<DatabaseId>> {
    const names = await this.#database.read((queries) => changedByTenants(queries, "ow_"));
    return new Set(names.flatMap((name) => tenantOf(name)?.id ?? []));
  }

  /** Ends the tenant's sessions and lets nobody log in for a while; `heal` opens it again. */
  async suspend(id: DatabaseId, ms: number): Promise<void> {
    const { database, roles } = tenantNames(id);
    const until = Math.ceil((Date.now() + ms) / 1_000);
    // First of all: they may hold every lock that there is to be had, and what follows needs some.
    await this.endSessions(id);
    await this.#database.exclusively(lockOf(id), async (queries) => {
      const nologin = Object.values(roles).map((role) => `alter role ${role} with nologin;`);
      await run(
        queries,
        `${impatient} ${nologin.join("\n")} alter database ${database} set ${suspension} = '${until}'`,
      );
      await endSessions(queries, id, databaseRoles);
    });
  }

  /** Ends the tenant's sessions and removes its database and roles. What is gone already is no error. */
  async drop(id: DatabaseId): Promise<void> {
    const { database, roles } = tenantNames(id);
    await this.#database.exclusively(lockOf(id), async (queries) => {
      await run(queries, `drop database if exists ${database} with (force)`);
      for (const role of Object.values(roles)) await run(queries, `drop role if exists ${role}`);
    });
  }

  /** All that the database occupies on disk, in bytes. @throws OpenWorkersError NOT_FOUND */
  async size(id: DatabaseId): Promise<number> {
    const bytes = (await this.sizes([id])).get(id);
    if (bytes === undefined) throw new OpenWorkersError("NOT_FOUND", `There is no database ${id}.`);
    return bytes;
  }

  /** What each of the databases occupies, in bytes; those that are not there are left out. */
  async sizes(ids: readonly DatabaseId[]): Promise<Map<DatabaseId, number>> {
    const names = ids.map((id) => tenantNames(id).database);
    const { rows } = await this.#database.read((queries) =>
      sql<{ datname: string; bytes: number }>`
        select datname, pg_database_size(oid) as bytes from pg_database where datname = any(${names})`.execute(
        queries,
      ),
    );
    return byTenant(rows, ({ bytes }) => bytes);
  }

  /** All tenants that the server holds something of, whether or not anybody knows them. */
  async list(): Promise<TenantOnServer[]> {
    const { mark } = await this.#serverFacts();
    const { rows } = await this.#database.read((queries) =>
      sql<{ datname: string; ready: boolean | null }>`
        select datname, shobj_description(oid, 'pg_database') is not distinct from ${mark} as ready from pg_database
        union all select rolname, null from pg_authid`.execute(queries),
    );
    const found = new Map<DatabaseId, TenantOnServer["state"]>();
    for (const { datname, ready } of rows) {
      const id = tenantOf(datname)?.id;
      if (id === undefined) continue;
      if (ready !== null) found.set(id, ready ? "ready" : "unfinished");
      else if (!found.has(id)) found.set(id, "roles-only");
    }
    return [...found].map(([id, state]) => ({ id, state }));
  }

  /** Ends the sessions of the tenant's roles, all of them unless some are given, but for one. Returns how many. */
  async endSessions(
    id: DatabaseId,
    roles: readonly DatabaseRole[] = databaseRoles,
    sparedPid?: number,
  ): Promise<number> {
    return this.#database.read((queries) => endSessions(queries, id, roles, sparedPid));
  }

  /** Has autovacuum leave a table alone, whose index functions do not come to an end. `table`: its oid. */
  async leaveAlone(id: DatabaseId, table: number): Promise<void> {
    await this.#inside(
      tenantNames(id).database,
      `set local search_path = pg_catalog, pg_temp; set local lock_timeout = '5s';
       do $$ begin
         if exists (select from pg_class where oid = ${table}) then
           execute format('alter table %s set (autovacuum_enabled = off)', ${table}::regclass);
         end if;
       end $$`,
    );
  }

  /** Runs queries of the platform's on the server; never with SQL of a tenant's. */
  read<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#database.read(work);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database[Symbol.asyncDispose]();
  }

  /** `create` makes the database, and returns what SQL is to be run in it before it is opened, instead of the grants. */
  async #build(
    id: DatabaseId,
    passwords: RolePasswords,
    limits: DatabaseLimits,
    create: (queries: Queries, database: string) => Promise<string | undefined>,
  ): Promise<void> {
    const { version, mark } = await this.#serverFacts();
    const names = tenantNames(id);
    const { database, roles } = names;
    const statements = rolesSql(id, passwords);
    await this.#database.exclusively(lockOf(id), async (queries) => {
      await run(queries, statements);
      const found = await look(queries, database);
      if (found?.mark === mark) return run(queries, limitsSql(id, limits));
      // One that was opened once has a mark, be it an older one: it holds data, and needs the fences alone.
      const opened = found?.mark != null;
      if (found !== undefined && !opened) await run(queries, `drop database ${database} with (force)`);
      const special = opened ? undefined : await create(queries, database);
      const inside = special ?? (opened ? "" : grantsSql(names, version));
      await this.#inside(database, `${opened ? fencesSql() : ""}${inside}`);
      await run(
        queries,
        `revoke all on database ${database} from public;
         grant connect on database ${database} to ${roles["read-only"]}, ${roles.reduce};
         grant connect, temporary on database ${database} to ${roles["read-write"]};
         grant connect, temporary, create on database ${database} to ${roles.owner};
         alter database ${database} set log_min_messages = 'fatal';
         alter database ${database} set log_min_error_statement = 'panic';
         ${limitsSql(id, limits)};
         comment on database ${database} is ${escapeLiteral(mark)}`,
      );
    });
  }

  async #makeTemplate(queries: Queries, version: number, mark: string): Promise<void> {
    if ((await look(queries, templateName)) === undefined) {
      await run(
        queries,
        `create database ${templateName} template template0 encoding 'UTF8' ${locale(version)}`,
      );
    }
    await run(
      queries,
      `alter database ${templateName} with allow_connections true connection limit 0;
       revoke all on database ${templateName} from public`,
    );
    await this.#inside(templateName, fencesSql());
    await run(
      queries,
      `alter database ${templateName} with allow_connections false is_template true;
       comment on database ${templateName} is ${escapeLiteral(mark)}`,
    );
  }

  /** Runs SQL in another database as one transaction. */
  async #inside(database: string, statements: string): Promise<void> {
    await using there = new Database(
      { ...this.address, database },
      { applicationName: "openworkers-tenants" },
    );
    await there.read((queries) => run(queries, `begin; ${statements}; commit`));
  }

  async #serverFacts(): Promise<ServerFacts> {
    this.#facts ??= this.#database.read(serverFacts);
    try {
      return await this.#facts;
    } catch (thrown) {
      this.#facts = undefined;
      throw thrown;
    }
  }
}

const shutSql = (database: string) =>
  `revoke connect, temporary on database ${escapeIdentifier(database)} from public`;

/** One at a time works on a tenant: the key of the lock, 48 of the id's random bits. */
function lockOf(id: DatabaseId): number {
  return Number.parseInt(id.replaceAll("-", "").slice(-12), 16);
}

function byTenant<Row extends { datname: string }, T>(
  rows: Row[],
  value: (row: Row) => T,
): Map<DatabaseId, T> {
  return new Map(
    rows.flatMap((row) => {
      const id = tenantOf(row.datname)?.id;
      return id === undefined ? [] : [[id, value(row)] as const];
    }),
  );
}
