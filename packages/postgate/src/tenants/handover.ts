import { escapeLiteral } from "pg";
import { type DatabaseRole, databaseRoles, type TenantNames } from "../tenant.ts";
import { initialPrivilegesSql } from "./fences.ts";

/**
 * SQL that makes a copy of a tenant's database another tenant's, run in the copy by a superuser while nobody else is in
 * it: all that the roles of `from` own, may do, or are named by becomes that of the same roles of `to`.
 *
 * PostgreSQL's own commands cannot: REASSIGN OWNED leaves privileges and default privileges where they are, and granting
 * them anew would undo what the owner revoked. So privileges are rewritten where they are kept.
 */
export function handoverSql(from: TenantNames, to: TenantNames): string {
  const pairs = databaseRoles.map((role): [DatabaseRole, string, string] => [
    role,
    from.roles[role],
    to.roles[role],
  ]);
  const reassign = pairs.map(([, old, mine]) => `reassign owned by ${old} to ${mine};`).join("\n");
  const oids = pairs
    .map(([, old, mine]) => `(${escapeLiteral(old)}::regrole::oid, ${escapeLiteral(mine)}::regrole::oid)`)
    .join(", ");
  return `
set local search_path = pg_catalog, pg_temp;
set local allow_system_table_mods = on;
${reassign}
create temporary table pairs (old oid, mine oid) on commit drop;
insert into pairs values ${oids};
do $handover$
declare kept record;
begin
  -- Each role's name begins with its tenant's, and names of tenants are 32 hexadecimal digits that nothing else holds.
  for kept in select c.oid::regclass as catalog, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
      where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind = 'r' and not c.relisshared
        and a.atttypid = 'aclitem[]'::regtype loop
    execute format('update %1$s set %2$I = replace(%2$I::text, %3$L, %4$L)::aclitem[] where %2$I::text like %5$L',
      kept.catalog, kept.attname, ${escapeLiteral(from.database)}, ${escapeLiteral(to.database)},
      ${escapeLiteral(`%${from.database}%`)});
  end loop;
end
$handover$;
update pg_catalog.pg_default_acl d set defaclrole = p.mine from pg_temp.pairs p where p.old = d.defaclrole;
update pg_catalog.pg_policy p set polroles = (
  select array_agg(coalesce(pairs.mine, named.role) order by named.place)
  from unnest(p.polroles) with ordinality named (role, place) left join pg_temp.pairs on pairs.old = named.role)
  where p.polroles && (select array_agg(old) from pg_temp.pairs);
update pg_catalog.pg_shdepend d set refobjid = p.mine from pg_temp.pairs p
  where d.refclassid = 'pg_catalog.pg_authid'::regclass and d.refobjid = p.old
    and d.dbid = (select oid from pg_catalog.pg_database where datname = current_database());
drop table pg_temp.pairs;
${initialPrivilegesSql}`;
}
