import type { Queries } from "@openworkers/db";
import { sql } from "kysely";

/** The setting of a database that says until when nobody may log in: seconds since 1970. */
export const suspension = "openworkers.suspended_until";

/** Databases and roles of finished tenants, with names that begin with `prefix`, that `heal` would change. */
export async function changedByTenants(queries: Queries, prefix: string): Promise<string[]> {
  const databases = await sql<{ name: string; shut: boolean; until: number | null }>`
    select d.datname as name, d.datconnlimit = 0 as shut, (
      select split_part(entry, '=', 2)::bigint from pg_db_role_setting s, unnest(s.setconfig) entry
      where s.setdatabase = d.oid and s.setrole = 0 and starts_with(entry, ${`${suspension}=`})) as until
    from pg_database d join pg_shdescription m on m.objoid = d.oid and m.classoid = 'pg_database'::regclass
    where starts_with(d.datname, ${prefix})`.execute(queries);
  const roles = await sql<{ name: string }>`
    select r.rolname as name from pg_authid r
      left join pg_shdescription m on m.objoid = r.oid and m.classoid = 'pg_authid'::regclass
    where starts_with(r.rolname, ${prefix}) and (not r.rolcanlogin
      or m.description is distinct from encode(sha256(r.rolpassword::bytea), 'hex')
      or r.oid in (select setrole from pg_db_role_setting))`.execute(queries);
  const now = Date.now() / 1_000;
  const finished = new Map(databases.rows.map((row) => [row.name, row]));
  return [
    ...databases.rows.filter(({ shut, until }) => shut || (until !== null && until < now)),
    ...roles.rows.filter(({ name }) => finished.get(name.slice(0, 35))?.until === null),
  ].map(({ name }) => name);
}
