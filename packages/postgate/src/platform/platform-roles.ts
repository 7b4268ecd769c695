import { isOpenWorkersError, OpenWorkersError, type PlatformFaceName, type Report } from "@openworkers/core";
import type { Address, Database } from "@openworkers/db";
import { sql } from "kysely";
import { scramVerifier } from "../tenants/scram.ts";
import { rolePassword } from "./signature.ts";

/** Who speaks on a face of the platform's. */
export type Face = PlatformFaceName;

export const faces: readonly Face[] = ["api", "identity"];

// Any number that nothing else in the database uses.
const lockKey = 7_264_019;

/** The roles as which callers' transactions run: the login of a face has nothing but the rights of its group. */
export class PlatformRoles {
  readonly #database: Database;
  readonly #report: Report;
  readonly #suffix: string;
  /** As whom we are connected. */
  readonly #owner: string;
  /** What callers are signed with. */
  readonly key: Uint8Array;

  private constructor(
    database: Database,
    report: Report,
    { suffix, owner, key }: { suffix: string; owner: string; key: Uint8Array },
  ) {
    this.#database = database;
    this.#report = report;
    this.#suffix = suffix;
    this.#owner = owner;
    this.key = key;
  }

  /** @throws OpenWorkersError DATABASE_UNAVAILABLE */
  static async open(database: Database, report: Report): Promise<PlatformRoles> {
    const found = await database.read((queries) =>
      sql<{ suffix: string; owner: string; key: Uint8Array }>`
        select oid::text as suffix, quote_ident(current_user) as owner, (select key from caller_keys) as key
        from pg_database where datname = current_database()`.execute(queries),
    );
    const [row] = found.rows;
    if (row === undefined) throw new Error("the database does not know its own name");
    return new PlatformRoles(database, report, row);
  }

  /** How a face logs in. */
  addressOf(face: Face): Address {
    const role = this.#nameOf(face);
    return this.#database.addressAs(role, rolePassword(this.key, role));
  }

  /**
   * Makes the logins, or sets them right. Any number may at once.
   *
   * @throws OpenWorkersError CONFIG_INVALID when we may not make roles, DATABASE_UNAVAILABLE
   */
  async ensure(): Promise<void> {
    try {
      await this.#database.exclusively(lockKey, async (connection) => {
        for (const face of faces) {
          const role = this.#nameOf(face);
          const verifier = scramVerifier(rolePassword(this.key, role));
          await sql
            .raw(
              `do $$ begin
                if not exists (select from pg_catalog.pg_roles where rolname = '${role}') then create role ${role}; end if;
                execute format('grant connect on database %I to ${role}', current_database());
                execute format('revoke temporary on database %I from public', current_database());
              end $$;
              alter role ${role} with login inherit password '${verifier}';
              grant ow_${face} to ${role};`,
            )
            .execute(connection);
        }
      });
    } catch (thrown) {
      if (!isOpenWorkersError(thrown, "FORBIDDEN")) throw thrown;
      throw new OpenWorkersError("CONFIG_INVALID", `The API cannot have its roles: ${thrown.message}`, {
        hint: `As a superuser, run once: alter role ${this.#owner} createrole; grant ow_api, ow_identity to ${this.#owner} with admin option;`,
        cause: thrown,
      });
    }
    await this.#checkTemporary();
  }

  /** Somebody else's database may give everybody temporary tables, and we cannot take them away. */
  async #checkTemporary(): Promise<void> {
    const { rows } = await this.#database.read((queries) =>
      sql<{ may: boolean }>`
        select has_database_privilege(${this.#nameOf("api")}, current_database(), 'temporary') as may`.execute(
        queries,
      ),
    );
    if (rows[0]?.may !== true) return;
    this.#report("The API may make temporary tables in the platform's database.", {
      hint: "As the database's owner: revoke temporary on database NAME from public;",
    });
  }

  #nameOf(face: Face): string {
    return `ow_${face}_${this.#suffix}`;
  }
}
