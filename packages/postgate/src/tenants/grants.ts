import { escapeLiteral } from "pg";
import type { TenantNames } from "../tenant.ts";
import { largeObjectWriters } from "./fences.ts";

/**
 * SQL that gives the roles their rights inside the database it runs in, as a superuser. What the owner creates later is
 * covered by default privileges, in whatever schema; what it grants or revokes itself afterwards stands.
 *
 * `version` is the server's, as in `server_version_num`.
 */
export function grantsSql({ roles }: TenantNames, version: number): string {
  const { owner, "read-write": write, "read-only": read, reduce } = roles;
  const future = (privileges: string, on: string, to: string) =>
    `alter default privileges for role ${owner} grant ${privileges} on ${on} to ${to};`;
  const writers = largeObjectWriters.map((name) => escapeLiteral(name)).join(", ");
  return `
set local search_path = pg_catalog, pg_temp;
alter schema public owner to ${owner};
revoke all on schema public from public;
grant usage on schema public to ${write}, ${read}, ${reduce};
${future("usage", "schemas", `${write}, ${read}, ${reduce}`)}
${future("select, insert, update, delete, truncate", "tables", write)}
${future("select", "tables", read)}
${future("select, delete, truncate", "tables", reduce)}
${future("usage, select, update", "sequences", write)}
${future("select", "sequences", `${read}, ${reduce}`)}
${version < 180_000 ? "" : `${future("select, update", "large objects", write)}\n${future("select", "large objects", `${read}, ${reduce}`)}`}
do $grant$
declare found regprocedure;
begin
  for found in select oid from pg_proc where pronamespace = 'pg_catalog'::regnamespace and proname in (${writers}) loop
    execute format('grant execute on function %s to ${owner}, ${write}', found);
  end loop;
end
$grant$;
-- As with the fences, or pg_dump would put these grants into every dump. The template has the rest.
set local allow_system_table_mods = on;
update pg_catalog.pg_init_privs i set initprivs = p.proacl from pg_catalog.pg_proc p
  where i.classoid = 'pg_catalog.pg_proc'::regclass and i.objoid = p.oid and i.objsubid = 0
    and p.pronamespace = 'pg_catalog'::regnamespace and p.proname in (${writers});`;
}
