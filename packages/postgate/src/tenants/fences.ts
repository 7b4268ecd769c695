import { createHash } from "node:crypto";

/** Goes up with each change of the fences; databases with older ones are given the new ones by `TenantServer`. */
export const fencesVersion = 3;

/**
 * What the comment on a database says when its fences are up. It names the cluster, because pg_upgrade and a restored
 * dump carry the comment over and the fences not: they are privileges of system objects.
 */
export function fencesMark(systemIdentifier: string): string {
  const cluster = createHash("sha256").update(systemIdentifier).digest("hex").slice(0, 16);
  return `OpenWorkers: fences ${fencesVersion} of ${cluster}`;
}

/** The functions that write large objects: for the roles that may write. */
export const largeObjectWriters = [
  "lo_creat",
  "lo_create",
  "lo_from_bytea",
  "lo_put",
  "lo_truncate",
  "lo_truncate64",
  "lo_unlink",
  "lowrite",
];

/**
 * Functions that everybody may call unless forbidden, and that show other tenants' work or the server's inside, or take
 * of the server's disk what no quota counts. Those that only superusers may call as PostgreSQL comes are named too,
 * because an operator may have granted them to all.
 */
const closedFunctions = [
  // what others do
  "pg_stat_get_(activity|progress_info|subscription.*|replication_slot|recovery_prefetch|backend_.*|db_.*)",
  "pg_(lock_status|prepared_xact|get_replication_slots|show_replication_origin_status|notification_queue_usage)",
  "pg_(tablespace_size|tablespace_databases|tablespace_location)",
  // how the server is doing, and where it is
  "pg_stat_get_(wal.*|io|slru|archiver|bgwriter.*|buf_.*|checkpoint.*)",
  "pg_(current_wal|last_wal|walfile|wal_summar|available_wal|get_wal|control|last_xact_replay).*",
  "pg_(show_all_file_settings|hba_file_rules|ident_file_mappings|config|current_logfile)",
  "pg_(get_shmem_allocations.*|get_backend_memory_contexts|get_process_memory_contexts|log_backend_.*|numa_available)",
  "inet_(server|client)_(addr|port)",
  // files, among them those that a transaction may make any number of
  "pg_(read_file|read_file_old|read_binary_file|stat_file|file_.*|ls_.*|export_snapshot|logdir_ls|rotate_logfile.*)",
  "lo_(import|export)",
  // the log of the server, which a quota does not count, and replication
  "pg_(logical_emit_message|logical_slot_.*|create_.*_replication_slot|copy_.*_replication_slot)",
  "pg_(drop_replication_slot|replication_slot_advance|replication_origin_.*|sync_replication_slots|create_restore_point)",
  "pg_(switch_wal|backup_.*|start_backup|stop_backup|promote|reload_conf|stat_reset.*|import_system_collations)",
  ...largeObjectWriters,
];

/** Shared catalogs that show how many objects other tenants own, and what the operator replicates. */
const closedCatalogs = ["ow_db_role_setting", "pg_shdepend", "pg_replication_origin"];

/**
 * Views of what all do, given back as views of what a session's own role does here. `from` is the definition that
 * PostgreSQL came with.
 */
const narrowedViews: Readonly<Record<string, string>> = {
  pg_stat_activity: "usename = session_user and datname = current_database()",
  pg_locks:
    "pid in (select s.pid from pg_catalog.pg_stat_get_activity(null) s where s.usesysid = session_user::regrole::oid)",
};

/** Views of all roles, given back as views of the predefined ones, the database's owner and this tenant's. */
const narrowedRoles: Readonly<Record<string, string>> = { pg_roles: "oid", pg_user: "usesysid" };

/**
 * All of `DISCARD ALL` but two things: plans are kept, and so is the unnamed statement of the extended
 * protocol, which no SQL can name, replace or deallocate. It runs with the rights of its caller, who may call each of its
 * statements anyway, and finds nothing by a search path.
 *
 * Portals go first, as in PostgreSQL's `DiscardAll`. (`CLOSE` is another statement in PL/pgSQL, hence `execute`; a call in a
 * condition costs a fifth of `perform`.)
 *
 * Temporary tables come before all others in the search path, and plans that were made while there were none do not look
 * for them: who has had some plans anew. Where plans may not be kept for other reasons, `SessionMemory` knows.
 */
export const cleanSessionSql = `
create or replace function pg_catalog.ow_clean_session() returns void language plpgsql as $clean$
begin
  execute 'close all';
  set session authorization default;
  reset all;
  deallocate all;
  unlisten *;
  discard sequences;
  if pg_catalog.pg_advisory_unlock_all() is not null
      and pg_catalog.pg_my_temp_schema() operator(pg_catalog.<>) 0::pg_catalog.oid then
    discard temp;
    discard plans;
  end if;
end
$clean$;`;

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

/**
 * SQL that puts up the fences in the database it runs in; run by a superuser, as one transaction, and any number of
 * times. Changed privileges are written down as if PostgreSQL had come with them (`pg_init_privs`): pg_dump would
 * otherwise put them into every dump, which no tenant could restore.
 */
export function fencesSql(): string {
  const closed = closedFunctions.map((pattern) => `^(${pattern})$`).join("|");
  return `
set local search_path = pg_catalog, pg_temp;
set local allow_system_table_mods = on;

do $fence$
declare found record; body text;
begin
  -- The views first: they are made of what is closed next.
  for found in select * from json_each_text(${literal(JSON.stringify(narrowedViews))}) loop
    if to_regprocedure(format('pg_catalog.ow_%s()', found.key)) is not null then continue; end if;
    select format('create function pg_catalog.ow_%s() returns table(%s) language sql stable security definer
        set search_path = pg_catalog, pg_temp as $view$ select * from (%s) seen where %s $view$',
      found.key,
      (select string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' order by attnum)
         from pg_attribute where attrelid = found.key::regclass and attnum > 0),
      rtrim(pg_get_viewdef(found.key::regclass), ';'), found.value) into body;
    execute body;
    execute format('create or replace view pg_catalog.%I as select * from pg_catalog.ow_%s()', found.key, found.key);
  end loop;
  for found in select * from json_each_text(${literal(JSON.stringify(narrowedRoles))}) loop
    body := rtrim(pg_get_viewdef(found.key::regclass), ';');
    if body ~ 'current_database' then continue; end if;
    execute format('create or replace view pg_catalog.%I as select * from (%s) seen
      where seen.%I < 16384 or starts_with(pg_get_userbyid(seen.%I), current_database())
        or seen.%I = (select d.datdba from pg_catalog.pg_database d where d.datname = current_database())',
      found.key, body, found.value, found.value, found.value);
  end loop;

  for found in select oid::regprocedure as signature from pg_proc
      where pronamespace = 'pg_catalog'::regnamespace and proname ~ ${literal(closed)} loop
    execute format('revoke execute on function %s from public', found.signature);
  end loop;
end
$fence$;

-- pg_dump reads what is set for databases and roles, which is one catalog for all tenants. PostgreSQL finds it by its
-- number, so here it may have another name, and an empty table the old one: what a tenant sets for its roles is reset, and
-- what is set for its database is not its to restore. (A view is no way out: pg_dump refuses all but PostgreSQL's own.)
do $fence$
begin
  if to_regclass('pg_catalog.ow_db_role_setting') is null then
    alter table pg_catalog.pg_db_role_setting rename to ow_db_role_setting;
    create table pg_catalog.pg_db_role_setting (setdatabase oid, setrole oid, setconfig text[]);
    grant select on pg_catalog.pg_db_role_setting to public;
  end if;
end
$fence$;
grant select on pg_catalog.pg_shseclabel to public;
${cleanSessionSql}
${closedCatalogs.map((name) => `revoke select on pg_catalog.${name} from public;`).join("\n")}

-- An untrusted language is a superuser's to create; these say that they are trusted. A loop in Perl or Tcl is ended by
-- no timeout and no cancel, and their memory by no limit that the session would survive.
create or replace function pg_catalog.ow_extension_fence() returns event_trigger language plpgsql
  set search_path = pg_catalog, pg_temp as $trigger$
declare found text;
begin
  select lanname into found from pg_language where lanname not in ('internal', 'c', 'sql', 'plpgsql') limit 1;
  if found is not null then
    raise exception 'the language % is not available', found using errcode = 'insufficient_privilege';
  end if;
end
$trigger$;
do $fence$
begin
  if not exists (select from pg_event_trigger where evtname = 'ow_extension_fence') then
    create event trigger ow_extension_fence on ddl_command_end when tag in ('CREATE EXTENSION', 'ALTER EXTENSION')
      execute function pg_catalog.ow_extension_fence();
    -- A member of an extension is in no dump.
    alter extension plpgsql add event trigger ow_extension_fence;
  end if;
end
$fence$;

${initialPrivilegesSql}`;
}

/** Writes down the privileges of system objects as those that PostgreSQL came with. */
export const initialPrivilegesSql = `
set local allow_system_table_mods = on;
update pg_catalog.pg_init_privs i set initprivs = p.proacl from pg_catalog.pg_proc p
  where i.classoid = 'pg_catalog.pg_proc'::regclass and i.objoid = p.oid and i.objsubid = 0
    and p.pronamespace = 'pg_catalog'::regnamespace and i.initprivs <> p.proacl;
insert into pg_catalog.pg_init_privs (objoid, classoid, objsubid, privtype, initprivs)
  select p.oid, 'pg_catalog.pg_proc'::regclass, 0, 'i', p.proacl from pg_catalog.pg_proc p
  where p.pronamespace = 'pg_catalog'::regnamespace and p.proacl is not null and p.oid < 16384 and not exists (
    select from pg_catalog.pg_init_privs i
    where i.classoid = 'pg_catalog.pg_proc'::regclass and i.objoid = p.oid and i.objsubid = 0);
update pg_catalog.pg_init_privs i set initprivs = c.relacl from pg_catalog.pg_class c
  where i.classoid = 'pg_catalog.pg_class'::regclass and i.objoid = c.oid and i.objsubid = 0
    and c.relnamespace = 'pg_catalog'::regnamespace and i.initprivs <> c.relacl;
insert into pg_catalog.pg_init_privs (objoid, classoid, objsubid, privtype, initprivs)
  select c.oid, 'pg_catalog.pg_class'::regclass, 0, 'i', c.relacl from pg_catalog.pg_class c
  where c.relnamespace = 'pg_catalog'::regnamespace and c.relacl is not null and not exists (
    select from pg_catalog.pg_init_privs i
    where i.classoid = 'pg_catalog.pg_class'::regclass and i.objoid = c.oid and i.objsubid = 0);
`;
