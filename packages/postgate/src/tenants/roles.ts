import { createHash } from "node:crypto";
import type { DatabaseId, DatabaseLimits } from "@openworkers/core";
import { type DatabaseRole, databaseRoles, tenantNames } from "../tenant.ts";
import { scramVerifier } from "./scram.ts";

/** The password of each of a tenant's roles. ASCII. */
export type RolePasswords = Readonly<Record<DatabaseRole, string>>;

/** Beyond `limits.connections`, which Postgate counts: sessions that have ended but are not gone yet. */
const lateConnections = 2;

/** New ones: 256 random bits each. */
export function newPasswords(): RolePasswords {
  const entries = databaseRoles.map((role) => [
    role,
    crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true }),
  ]);
  return Object.fromEntries(entries) as RolePasswords;
}

/** SQL that puts limits into force which the server keeps itself. */
export function limitsSql(id: DatabaseId, limits: DatabaseLimits): string {
  const { database } = tenantNames(id);
  return `alter database ${database} connection limit ${limits.connections + lateConnections};
    alter database ${database} set temp_file_limit = '${Math.ceil(limits.tempFileBytes / 1_024)}kB'`;
}

/** SQL that makes the roles or sets them right, in one transaction. */
export function rolesSql(id: DatabaseId, passwords: RolePasswords): string {
  const { roles } = tenantNames(id);
  const statements = databaseRoles.map((role) => {
    const name = roles[role];
    const verifier = scramVerifier(passwords[role]);
    return `
        do $$ begin
          if not exists (select from pg_catalog.pg_authid where rolname = '${name}') then create role ${name}; end if;
        end $$;
        alter role ${name} with login nosuperuser nocreatedb nocreaterole inherit noreplication nobypassrls
          connection limit -1 password '${verifier}' valid until 'infinity';
        comment on role ${name} is '${fingerprint(verifier)}';`;
  });
  const names = databaseRoles.map((role) => `'${roles[role]}'`).join(", ");
  // Settings for the database or without one, and whatever others a role has thought of.
  const reset = `
    do $$ declare found record; begin
      for found in select setrole::regrole as role, datname from pg_catalog.pg_db_role_setting
          left join pg_catalog.pg_database d on d.oid = setdatabase
          where setrole in (select oid from pg_catalog.pg_authid where rolname in (${names})) loop
        execute format('alter role %s ', found.role)
          || case when found.datname is null then '' else format('in database %I ', found.datname) end || 'reset all';
      end loop;
    end $$;`;
  return `${statements.join("")}${reset}`;
}

/** What the comment on a role says of its verifier, so that a change by the role itself is seen. */
function fingerprint(verifier: string): string {
  return createHash("sha256").update(verifier).digest("hex");
}
