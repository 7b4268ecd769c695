-- Whose row is whose, decided by PostgreSQL: docs/decisions/018-api.md. The API's statements run as a role that may do
-- here what policies allow, for a caller whom Postgate has named and signed.

-- Group roles. They are the cluster's; several platforms of one server share them and have logins of their own.
do $$
declare
  missing text;
begin
  foreach missing in array array['ow_api', 'ow_identity'] loop
    continue when exists (select from pg_roles where rolname = missing);
    begin
      execute format('create role %I nologin', missing);
    exception
      -- Another platform's migration was a moment earlier.
      when duplicate_object or unique_violation then null;
      when insufficient_privilege then
        raise exception 'the role % is missing and % may not make roles', missing, current_user
          using errcode = 'insufficient_privilege', hint = format(
            'As a superuser, run once: create role ow_api nologin; create role ow_identity nologin; alter role %1$I createrole; grant ow_api, ow_identity to %1$I with admin option;',
            current_user
          );
    end;
  end loop;
end $$;

-- Without these, who may run SQL could put a table or a function of their own before one of ours.
revoke create on schema public from public;
do $$ begin execute format('revoke temporary on database %I from public', current_database()); end $$;

-- Large objects have no owner among callers, and no policies. Only a superuser may take them away.
do $$
declare
  maker regprocedure;
begin
  if (select rolsuper from pg_roles where rolname = current_user) then
    for maker in select oid::regprocedure from pg_proc where pronamespace = 'pg_catalog'::regnamespace
      and proname in ('lo_creat', 'lo_create', 'lo_from_bytea') loop
      execute format('revoke execute on function %s from public', maker);
    end loop;
  end if;
end $$;

-- Columns that policies need -------------------------------------------------------------------------------

-- The account that an entry is about, whose admins may read it; the one who did it when nobody said. An organisation's entries
-- outlive it.
alter table audit_log add column account_id uuid;
create index audit_log_by_account on audit_log (account_id, id desc);
create index audit_log_by_user on audit_log (user_id, id desc);
create function set_audited_account() returns trigger language plpgsql as $$
begin
  if new.account_id is null and new.action ~ '^(worker|deployment|domain|route|cron)\.' then
    select owner_id into new.account_id from workers where name = new.subject;
  end if;
  new.account_id := coalesce(new.account_id, new.user_id);
  return new;
end $$;
create trigger audit_log_account before insert on audit_log for each row execute function set_audited_account();

-- Their names stay on what they did.
create table former_members (
  organisation_id uuid not null references users (id) on delete cascade,
  user_id uuid not null references users (id) on delete cascade,
  primary key (organisation_id, user_id)
);
create function remember_member() returns trigger language plpgsql as $$
begin
  insert into former_members (organisation_id, user_id)
    select old.organisation_id, old.user_id
    where exists (select from users where id = old.organisation_id) and exists (select from users where id = old.user_id)
    on conflict do nothing;
  return null;
end $$;
create trigger members_remembered after delete on members for each row execute function remember_member();

alter table api_keys add constraint api_keys_scopes_known check (
  array_to_string(scopes, ' ') ~
    '^((\*|(workers|kv|storage|databases|queues|crons|domains|logs|members|keys|audit):(read|write|delete))( |$))+$'
);

-- Few: their names are everybody's to read, on what they did.
create index users_of_the_platform on users (id) where kind = 'system' or is_operator;
create index api_keys_by_account on api_keys (account_id) where account_id is not null;
create index log_tokens_by_owner on log_tokens (owner_id) where owner_id is not null;

-- Who calls ------------------------------------------------------------------------------------------------

-- What Postgate signs callers with: HMAC-SHA-256 (RFC 2104), its key in the two forms that it is used in. The login
-- roles' passwords come of it, too. Postgate reads it as the owner of the tables; to nobody else is it granted.
create table caller_keys (
  id boolean primary key default true check (id),
  key bytea not null check (length(key) = 32),
  inner_key bytea not null check (length(inner_key) = 64),
  outer_key bytea not null check (length(outer_key) = 64)
);
-- Makes a new one: those who hold the one before are nobody, and runners must be started again.
create function renew_caller_key() returns void language plpgsql
security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  -- 366 random bits.
  fresh bytea := sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'));
  inner_form bytea := fresh || decode(repeat('00', 32), 'hex');
  outer_form bytea := fresh || decode(repeat('00', 32), 'hex');
begin
  for place in 0..63 loop
    inner_form := set_byte(inner_form, place, get_byte(inner_form, place) # 54);
    outer_form := set_byte(outer_form, place, get_byte(outer_form, place) # 92);
  end loop;
  delete from caller_keys;
  insert into caller_keys (key, inner_key, outer_key) values (fresh, inner_form, outer_form);
end $$;
select renew_caller_key();

-- `openworkers.caller` is `<backend>.<start of the transaction, µs>.<user>.<account or nothing>.<scopes, by commas>.<end of
-- the key, s, or nothing>.<HMAC in hex>`. Good in one transaction of one connection, for a minute: whoever copies it has it
-- nowhere else.
create function caller_claims(out user_id uuid, out account_id uuid, out scopes text[], out expires_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  setting text := current_setting('openworkers.caller', true);
  parts text[];
  message bytea;
  signing caller_keys;
begin
  if setting is null or setting !~ '^\d+\.\d+\.[0-9a-f-]{36}\.([0-9a-f-]{36})?\.[a-z:*,]+\.\d{0,12}\.[0-9a-f]{64}$' then
    return;
  end if;
  parts := string_to_array(setting, '.');
  if parts[1] <> pg_backend_pid()::text
    or parts[2] <> (extract(epoch from now()) * 1000000)::bigint::text
    or clock_timestamp() > now() + interval '1 minute' then
    return;
  end if;
  select * into signing from caller_keys;
  message := convert_to(array_to_string(parts[1:6], '.'), 'UTF8');
  -- Compared under the key, so that no time that it takes says how much of a guess is right.
  if sha256(signing.inner_key || sha256(signing.outer_key || sha256(signing.inner_key || message)))
    <> sha256(signing.inner_key || decode(parts[7], 'hex')) then
    return;
  end if;
  user_id := parts[3]::uuid;
  account_id := nullif(parts[4], '')::uuid;
  scopes := string_to_array(parts[5], ',');
  expires_at := to_timestamp(nullif(parts[6], '')::bigint);
end $$;

-- The functions of policies are in PL/pgSQL, which plans what is in them once for a connection and not for each statement.

-- The user for whom this transaction is; null when it is nobody's.
create function caller_id() returns uuid
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  return (caller_claims()).user_id;
end $$;

-- The accounts in which a person may do something, with a key of these scopes and perhaps for one account only.
-- A write or a delete lets read; deleting does not let write.
create function accounts_of(person uuid, only_account uuid, scopes text[], resource text, action text) returns uuid[]
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  roles text[] := case
    when action = 'read' and resource not in ('audit', 'keys') then '{viewer,developer,admin,owner}'
    when action = 'write' and resource not in ('members', 'keys', 'audit') then '{developer,admin,owner}'
    else '{admin,owner}'
  end;
  covering text[] := case action
    when 'read' then array['*', resource || ':read', resource || ':write', resource || ':delete']
    else array['*', resource || ':' || action]
  end;
begin
  if person is null or not scopes && covering then
    return '{}';
  end if;
  if (select is_operator from users where id = person) then
    return array(select id from users where only_account is null or id = only_account);
  end if;
  return array(
    select person where only_account is null or only_account = person
    union all
    select organisation_id from members
    where user_id = person and role = any (roles) and (only_account is null or organisation_id = only_account)
  );
end $$;

create function caller_accounts(resource text, action text) returns uuid[]
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  claims record := caller_claims();
begin
  return accounts_of(claims.user_id, claims.account_id, claims.scopes, resource, action);
end $$;

-- Every account that the caller can do anything in.
create function caller_reaches() returns uuid[]
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  claims record := caller_claims();
begin
  return accounts_of(claims.user_id, claims.account_id, '{*}', 'workers', 'read');
end $$;

-- Whether the caller may do this to what an account owns. Policies ask for all accounts at once, and so once for a statement.
create function caller_may(owner uuid, resource text, action text) returns boolean
language sql stable as $$ select coalesce(owner = any ((select public.caller_accounts(resource, action))::uuid[]), false) $$;

create function caller_is_operator() returns boolean
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  caller uuid := caller_id();
begin
  return coalesce((select is_operator from users where id = caller), false);
end $$;

-- Whether what the caller came with covers these scopes.
create function caller_covers(wanted text[]) returns boolean
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select coalesce(bool_and(
    scopes && case
      when scope like '%:read' then array['*', scope, replace(scope, ':read', ':write'), replace(scope, ':read', ':delete')]
      else array['*', scope]
    end
  ), false)
  from caller_claims(), unnest(wanted) as scope
$$;

-- Ids of what the caller's accounts own, for the policies of what belongs to these.
create function caller_owned(kind text, resource text, action text) returns uuid[]
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  accounts uuid[] := caller_accounts(resource, action);
begin
  if cardinality(accounts) = 0 then
    return '{}';
  elsif kind = 'worker' then
    return array(select id from workers where owner_id = any (accounts));
  elsif kind = 'environment' then
    return array(select id from environments where owner_id = any (accounts));
  elsif kind = 'kv' then
    return array(select id from kv_namespaces where owner_id = any (accounts));
  elsif kind = 'bucket' then
    return array(select id from storage_buckets where owner_id = any (accounts));
  elsif kind = 'database' then
    return array(select id from databases where owner_id = any (accounts));
  elsif kind = 'queue' then
    return array(select id from queues where owner_id = any (accounts));
  end if;
  return '{}';
end $$;

-- Whose names the caller may read: their own, their accounts', those of people in these now or once, and the platform's own.
create function caller_people() returns uuid[]
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  caller uuid := caller_id();
  accounts uuid[];
begin
  if caller is null then return '{}'; end if;
  if caller_is_operator() then return array(select id from users); end if;
  accounts := array(select organisation_id from members where user_id = caller);
  return array(
    select unnest(caller || accounts)
    union
    select user_id from members where organisation_id = any (accounts)
    union
    select user_id from former_members where organisation_id = any (accounts)
    union
    select id from users where kind = 'system' or is_operator
  );
end $$;

-- Whether the caller has a content: has sent it, or may read a version with it. Who knows only its hash has nothing.
create function caller_has_content(wanted text) returns boolean
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  caller uuid := caller_id();
  readable uuid[];
begin
  if exists (select from blob_uploads where user_id = caller and hash = wanted) then return true; end if;
  readable := caller_owned('worker', 'workers', 'read');
  return exists (
      select from version_modules join worker_versions on id = version_id
      where hash = wanted and worker_id = any (readable)
    ) or exists (
      select from version_source_maps join worker_versions on id = version_id
      where hash = wanted and worker_id = any (readable)
    ) or exists (
      select from version_assets join worker_versions on id = version_id
      where hash = wanted and worker_id = any (readable)
    );
end $$;

-- Takes a caller's content, and says the same whether somebody has it already or not.
create function take_content() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  caller uuid := caller_id();
begin
  if caller is null then return new; end if;
  if cardinality(caller_accounts('workers', 'write')) = 0 then
    raise exception 'this needs workers:write' using errcode = 'insufficient_privilege';
  end if;
  if new.hash <> encode(sha256(new.content), 'hex') then
    raise exception 'this content has another hash' using errcode = 'check_violation', constraint = 'blobs_content_addressed';
  end if;
  insert into blobs (hash, content) values (new.hash, new.content) on conflict (hash) do nothing;
  insert into blob_uploads (user_id, hash) values (caller, new.hash)
    on conflict (user_id, hash) do update set uploaded_at = now();
  return null;
end $$;
create trigger blobs_taken before insert on blobs
  for each row when (pg_trigger_depth() = 0) execute function take_content();

-- Removes contents that nothing refers to. Returns which of them are gone; to a caller, which they have no more.
create function collect_blobs(hashes text[]) returns setof text
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  removed text[];
begin
  with gone as (
    delete from blobs
    where hash = any (hashes)
      and not exists (select from version_assets where version_assets.hash = blobs.hash)
      and not exists (select from version_modules where version_modules.hash = blobs.hash)
      and not exists (select from version_source_maps where version_source_maps.hash = blobs.hash)
      and not exists (select from blob_uploads where blob_uploads.hash = blobs.hash)
    returning hash
  )
  select array_agg(hash) into removed from gone;
  if caller_id() is null then
    return query select unnest(removed);
  else
    return query select hash from unnest(hashes) as hash where not caller_has_content(hash);
  end if;
end $$;

-- Triggers: they need to see more than the caller does, and none may be misled by a caller's settings.
do $$
declare
  trigger_function regprocedure;
begin
  for trigger_function in select oid::regprocedure from pg_proc
    where pronamespace = 'public'::regnamespace and prorettype = 'trigger'::regtype loop
    execute format(
      'alter function %s security definer set search_path = pg_catalog, public, pg_temp', trigger_function
    );
  end loop;
end $$;

-- Organisations --------------------------------------------------------------------------------------------

-- Makes an organisation that the caller owns, and returns its id.
create function create_organisation(id uuid, name text, display_name text) returns uuid
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  caller uuid := caller_id();
begin
  -- A key for one account says nothing about others.
  if caller is null or not caller_covers('{members:write}') or (select account_id from caller_claims()) is not null then
    raise exception 'this needs members:write in every account' using errcode = 'insufficient_privilege';
  end if;
  insert into users (id, name, kind, display_name) values ($1, $2, 'organisation', $3);
  insert into members (organisation_id, user_id, role) values ($1, caller, 'owner');
  return $1;
end $$;

-- Makes the caller a member of the organisation that invites the holder of a link, and returns it; null when the link is
-- not good. A role that they have already stays.
create function accept_invitation(link_hash bytea) returns uuid
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  caller uuid := caller_id();
  invitation invitations;
begin
  if caller is null or not caller_covers('{members:write}') or (select account_id from caller_claims()) is not null then
    raise exception 'this needs members:write in every account' using errcode = 'insufficient_privilege';
  end if;
  delete from invitations where hash = link_hash and expires_at > now() returning * into invitation;
  if invitation.id is null then return null; end if;
  insert into members (organisation_id, user_id, role) values (invitation.organisation_id, caller, invitation.role)
    on conflict do nothing;
  return invitation.organisation_id;
end $$;

-- What deleting needs beyond reading what is deleted; not of what goes along with it. A statement of a caller reaches only
-- rows that a policy has let through, so who is no caller here is the owner of the tables.
create function check_caller_deletes() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  owner uuid := (to_jsonb(old) ->> 'owner_id')::uuid;
begin
  if caller_id() is null then return old; end if;
  if owner is null then
    select owner_id into owner from workers where id = (to_jsonb(old) ->> 'worker_id')::uuid;
  end if;
  if not caller_may(owner, tg_argv[0], tg_argv[1]) then
    raise exception 'this needs %:%', tg_argv[0], tg_argv[1] using errcode = 'insufficient_privilege';
  end if;
  return old;
end $$;
create trigger workers_caller_deletes before delete on workers
  for each row when (pg_trigger_depth() = 0) execute function check_caller_deletes('workers', 'delete');
create trigger environments_caller_deletes before delete on environments
  for each row when (pg_trigger_depth() = 0) execute function check_caller_deletes('workers', 'delete');
create trigger kv_namespaces_caller_deletes before delete on kv_namespaces
  for each row when (pg_trigger_depth() = 0) execute function check_caller_deletes('kv', 'delete');
create trigger storage_buckets_caller_deletes before delete on storage_buckets
  for each row when (pg_trigger_depth() = 0) execute function check_caller_deletes('storage', 'delete');
create trigger queues_caller_deletes before delete on queues
  for each row when (pg_trigger_depth() = 0) execute function check_caller_deletes('queues', 'delete');
create trigger domains_caller_deletes before delete on domains
  for each row when (pg_trigger_depth() = 0) execute function check_caller_deletes('domains', 'delete');
create trigger routes_caller_deletes before delete on routes
  for each row when (pg_trigger_depth() = 0) execute function check_caller_deletes('workers', 'write');
create trigger crons_caller_deletes before delete on crons
  for each row when (pg_trigger_depth() = 0) execute function check_caller_deletes('crons', 'write');

-- A database is deleted in steps; the first one is an update. And a caller says neither what opens one nor that it is there.
create function check_caller_changes_database() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  if caller_id() is null then return new; end if;
  if new.state <> old.state and new.state <> 'deleting' then
    raise exception 'the platform says when a database is ready' using errcode = 'insufficient_privilege';
  end if;
  if (new.state, new.keep_dump, new.deletion_failure) is distinct from (old.state, old.keep_dump, old.deletion_failure)
    and not caller_may(old.owner_id, 'databases', 'delete') then
    raise exception 'this needs databases:delete' using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
create trigger databases_caller_changes before update on databases
  for each row execute function check_caller_changes_database();

-- Credentials ----------------------------------------------------------------------------------------------

-- Whom a credential is for, by its SHA-256; no row when it is good no more. For Postgate alone.
create function resolve_caller(credential_hash bytea)
returns table (via text, credential_id uuid, user_id uuid, account_id uuid, scopes text[], expires_at timestamptz)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select 'key', api_keys.id, api_keys.user_id, api_keys.account_id, api_keys.scopes, api_keys.expires_at
  from api_keys join users on users.id = api_keys.user_id
  where hash = credential_hash and (api_keys.expires_at is null or api_keys.expires_at > now()) and kind = 'person'
  union all
  select 'session', sessions.id, sessions.user_id, null, '{*}', sessions.expires_at
  from identity.sessions join users on users.id = sessions.user_id
  where token = encode(credential_hash, 'hex') and sessions.expires_at > now() and kind = 'person'
$$;

-- Those who hold sessions of the caller's look again.
create function notify_credentials() returns trigger
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  perform pg_notify('openworkers', jsonb_build_object('table', 'credentials', 'userId', old.user_id)::text);
  return null;
end $$;
create trigger api_keys_notify after delete on api_keys for each row execute function notify_credentials();
create trigger api_keys_notify_changes after update on api_keys for each row
  when ((old.hash, old.scopes, old.account_id, old.expires_at) is distinct from
    (new.hash, new.scopes, new.account_id, new.expires_at))
  execute function notify_credentials();
create trigger sessions_notify after delete on identity.sessions for each row execute function notify_credentials();
create trigger sessions_notify_changes after update on identity.sessions for each row
  when (old.token <> new.token or new.expires_at < old.expires_at) execute function notify_credentials();

-- Policies -------------------------------------------------------------------------------------------------

-- Closes a table to all but its owner, who goes on as before. For every table that a migration makes; what callers may do
-- with it is said by further policies.
create procedure protect_table(protected regclass) language plpgsql as $$
begin
  execute format('alter table %s enable row level security', protected);
  execute format('alter table %s force row level security', protected);
  execute format('create policy of_the_platform on %s to current_user using (true) with check (true)', protected);
end $$;
do $$
declare
  found regclass;
begin
  for found in select oid::regclass from pg_class
    where relnamespace in ('public'::regnamespace, 'identity'::regnamespace) and relkind in ('r', 'p')
    order by oid loop
    call protect_table(found);
  end loop;
end $$;
-- COPY is not to be had with policies, and records are written by it. Their owner is without them; the API, which does not own
-- them, is not.
alter table logs no force row level security;
alter table invocations no force row level security;

-- Reading, and locking what one may read; changing what one may write.
create procedure let_callers(target regclass, of_row text, read_check text, write_check text) language plpgsql as $$
begin
  execute format('create policy read_by_callers on %s for select to ow_api using (%s)', target, format(of_row, read_check));
  execute format('create policy made_by_callers on %s for insert to ow_api with check (%s)', target, format(of_row, write_check));
  execute format('create policy changed_by_callers on %s for update to ow_api using (%s) with check (%s)',
    target, format(of_row, read_check), format(of_row, write_check));
  execute format('create policy deleted_by_callers on %s for delete to ow_api using (%s)', target, format(of_row, write_check));
end $$;
do $$
declare
  accounts text := '((select caller_accounts(''%s'', ''%s''))::uuid[])';
  owned text := '((select caller_owned(''%s'', ''%s'', ''%s''))::uuid[])';
  wanted record;
begin
  -- What an account owns. Deleting is seen to by triggers, which say so when it may not be.
  for wanted in select * from (values
    ('workers', 'workers'), ('environments', 'workers'), ('kv_namespaces', 'kv'), ('storage_buckets', 'storage'),
    ('databases', 'databases'), ('queues', 'queues')
  ) as of_accounts (target, resource) loop
    call let_callers(wanted.target::regclass, 'owner_id = any %s',
      format(accounts, wanted.resource, 'read'), format(accounts, wanted.resource, 'write'));
    execute format('drop policy deleted_by_callers on %I', wanted.target);
    execute format('create policy deleted_by_callers on %I for delete to ow_api using (owner_id = any %s)',
      wanted.target, format(accounts, wanted.resource, 'read'));
  end loop;
  -- What belongs to one of these.
  for wanted in select * from (values
    ('worker_versions', 'worker_id', 'worker', 'workers'), ('deployments', 'worker_id', 'worker', 'workers'),
    ('deployment_versions', 'worker_id', 'worker', 'workers'), ('version_bindings', 'worker_id', 'worker', 'workers'),
    ('routes', 'worker_id', 'worker', 'workers'), ('domains', 'worker_id', 'worker', 'domains'),
    ('crons', 'worker_id', 'worker', 'crons'), ('scheduled_events', 'worker_id', 'worker', 'crons'),
    ('environment_values', 'environment_id', 'environment', 'workers'),
    ('kv_entries', 'namespace_id', 'kv', 'kv'), ('kv_values', 'namespace_id', 'kv', 'kv'),
    ('storage_objects', 'bucket_id', 'bucket', 'storage'), ('storage_uploads', 'bucket_id', 'bucket', 'storage'),
    ('storage_blobs', 'bucket_id', 'bucket', 'storage'),
    ('database_tokens', 'database_id', 'database', 'databases'),
    ('queue_consumers', 'queue_id', 'queue', 'queues'), ('queue_delays', 'queue_id', 'queue', 'queues'),
    ('queue_purges', 'queue_id', 'queue', 'queues')
  ) as of_resources (target, key, kind, resource) loop
    call let_callers(wanted.target::regclass, wanted.key || ' = any %s',
      format(owned, wanted.kind, wanted.resource, 'read'), format(owned, wanted.kind, wanted.resource, 'write'));
  end loop;
  for wanted in select * from (values ('domains'), ('routes'), ('crons')) as told (target) loop
    execute format('drop policy deleted_by_callers on %I', wanted.target);
    execute format('create policy deleted_by_callers on %I for delete to ow_api using (worker_id = any %s)', wanted.target,
      format(owned, 'worker', case wanted.target when 'routes' then 'workers' else wanted.target end, 'read'));
  end loop;
  -- What belongs to a version, or is a part of a value: through the policies of that.
  for wanted in select * from (values
    ('version_modules', 'worker_versions v where v.id = version_id'),
    ('version_source_maps', 'worker_versions v where v.id = version_id'),
    ('version_assets', 'worker_versions v where v.id = version_id'),
    ('kv_chunks', 'kv_values v where v.id = value_id'),
    ('storage_chunks', 'storage_blobs v where v.id = blob_id')
  ) as parts (target, parent) loop
    call let_callers(wanted.target::regclass, format('exists (select from %s%%s)', wanted.parent), '',
      case wanted.target
        when 'kv_chunks' then ' and v.namespace_id = any ' || format(owned, 'kv', 'kv', 'write')
        when 'storage_chunks' then ' and v.bucket_id = any ' || format(owned, 'bucket', 'storage', 'write')
        else ' and v.worker_id = any ' || format(owned, 'worker', 'workers', 'write')
      end);
  end loop;
  for wanted in select * from (values ('logs'), ('invocations'), ('worker_stats')) as records (target) loop
    execute format('create policy read_by_callers on %I for select to ow_api using (worker_id = any %s)',
      wanted.target, format(owned, 'worker', 'logs', 'read'));
  end loop;
end $$;
drop procedure let_callers;

-- Restrictive: besides what is above.
create policy by_the_caller on worker_versions as restrictive for insert to ow_api
  with check (created_by = (select caller_id()));
create policy by_the_caller on deployments as restrictive for insert to ow_api
  with check (created_by = (select caller_id()));
create policy by_the_caller on database_tokens as restrictive for insert to ow_api
  with check (created_by = (select caller_id()));
-- Whoever binds something gives the worker all of it.
create policy of_what_they_may_write on version_bindings as restrictive for insert to ow_api with check (
  (kv_namespace_id is null or kv_namespace_id = any ((select caller_owned('kv', 'kv', 'write'))::uuid[]))
  and (bucket_id is null or bucket_id = any ((select caller_owned('bucket', 'storage', 'write'))::uuid[]))
  and (database_id is null or database_id = any ((select caller_owned('database', 'databases', 'write'))::uuid[]))
  and (queue_id is null or queue_id = any ((select caller_owned('queue', 'queues', 'write'))::uuid[]))
);
create policy of_what_they_may_write on environment_values as restrictive for insert to ow_api with check (
  (kv_namespace_id is null or kv_namespace_id = any ((select caller_owned('kv', 'kv', 'write'))::uuid[]))
  and (bucket_id is null or bucket_id = any ((select caller_owned('bucket', 'storage', 'write'))::uuid[]))
  and (database_id is null or database_id = any ((select caller_owned('database', 'databases', 'write'))::uuid[]))
  and (queue_id is null or queue_id = any ((select caller_owned('queue', 'queues', 'write'))::uuid[]))
);
create policy of_their_workers on queue_consumers as restrictive for insert to ow_api
  with check (worker_id = any ((select caller_owned('worker', 'workers', 'write'))::uuid[]));
create policy of_known_content on version_modules as restrictive for insert to ow_api with check (caller_has_content(hash));
create policy of_known_content on version_source_maps as restrictive for insert to ow_api
  with check (caller_has_content(hash));
create policy of_known_content on version_assets as restrictive for insert to ow_api with check (caller_has_content(hash));
-- A route without a domain, and a domain without a proof, are an operator's to give.
create policy on_a_domain on routes as restrictive for insert to ow_api
  with check (domain is not null or (select caller_is_operator()));
create policy not_proven_yet on domains as restrictive for insert to ow_api
  with check (verified_at is null or (select caller_is_operator()));
-- Whoever refers to a value, an object or an upload has it in the same place.
create policy of_the_namespace on kv_entries as restrictive for insert to ow_api with check (
  value_id is null or exists (select from kv_values v where v.id = value_id and v.namespace_id = kv_entries.namespace_id)
);
create policy of_the_namespace_still on kv_entries as restrictive for update to ow_api using (true) with check (
  value_id is null or exists (select from kv_values v where v.id = value_id and v.namespace_id = kv_entries.namespace_id)
);
create policy of_the_bucket on storage_blobs as restrictive for insert to ow_api
  with check (version is null and upload_id is null);
create policy of_the_bucket_still on storage_blobs as restrictive for update to ow_api using (true) with check (
  (version is null
    or exists (select from storage_objects o where o.version = storage_blobs.version and o.bucket_id = storage_blobs.bucket_id))
  and (upload_id is null
    or exists (select from storage_uploads u where u.id = upload_id and u.bucket_id = storage_blobs.bucket_id))
);
create policy asked_for on scheduled_events as restrictive for insert to ow_api with check (
  manual and state = 'waiting' and claimed_by is null
  and cron_id = any (array(select crons.id from crons where crons.worker_id = scheduled_events.worker_id))
);

create policy read_by_callers on blobs for select to ow_api using (
  exists (select from version_modules m where m.hash = blobs.hash)
  or exists (select from version_source_maps m where m.hash = blobs.hash)
  or exists (select from version_assets a where a.hash = blobs.hash)
  or exists (select from blob_uploads u where u.hash = blobs.hash)
);
create policy of_the_caller on blob_uploads to ow_api
  using (user_id = (select caller_id()))
  with check (user_id = (select caller_id()) and caller_has_content(hash));

create policy read_by_callers on sealing_keys for select to ow_api using (true);
-- To hold the key until the transaction ends is a lock, and no change.
create policy locked_by_callers on sealing_keys for update to ow_api using (true) with check (false);

create policy read_by_callers on users for select to ow_api using (id = any ((select caller_people())::uuid[]));
create policy changed_by_callers on users for update to ow_api
  using (id = any ((select caller_accounts('members', 'read'))::uuid[]))
  with check (id = any ((select caller_accounts('members', 'write'))::uuid[]));
-- An organisation's owner, or an operator.
create policy deleted_by_callers on users for delete to ow_api using (
  kind = 'organisation'
  and id = any ((select caller_accounts('members', 'delete'))::uuid[])
  and ((select caller_is_operator()) or exists (
    select from members m where m.organisation_id = users.id and m.user_id = (select caller_id()) and m.role = 'owner'
  ))
);

-- The organisations that the caller owns, and every one for an operator: only there are owners made and unmade.
create function caller_is_owner(organisation uuid) returns boolean
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
  select caller_is_operator() or exists (
    select from members where organisation_id = organisation and user_id = caller_id() and role = 'owner'
  )
$$;
create policy read_by_callers on members for select to ow_api
  using (organisation_id = any ((select caller_accounts('members', 'read'))::uuid[]) or user_id = (select caller_id()));
create policy changed_by_callers on members for update to ow_api
  using (
    organisation_id = any ((select caller_accounts('members', 'write'))::uuid[])
    and (role <> 'owner' or caller_is_owner(organisation_id))
  )
  with check (
    organisation_id = any ((select caller_accounts('members', 'write'))::uuid[])
    and (role <> 'owner' or caller_is_owner(organisation_id))
  );
create policy deleted_by_callers on members for delete to ow_api using (
  organisation_id = any ((select caller_accounts('members', 'write'))::uuid[])
    and (role <> 'owner' or caller_is_owner(organisation_id))
  -- Everybody may leave.
  or user_id = (select caller_id()) and (select caller_covers('{members:write}'))
    and organisation_id = any ((select caller_accounts('members', 'read'))::uuid[])
);
create policy managed_by_callers on invitations to ow_api
  using (organisation_id = any ((select caller_accounts('members', 'write'))::uuid[]))
  with check (
    organisation_id = any ((select caller_accounts('members', 'write'))::uuid[]) and invited_by = (select caller_id())
  );

create policy read_by_callers on api_keys for select to ow_api using (
  user_id = (select caller_id()) and (select caller_covers('{keys:read}')) and (
    account_id is null and (select claims.account_id is null from caller_claims() as claims)
    or account_id = any ((select caller_reaches())::uuid[])
  )
  or account_id = any ((select caller_accounts('keys', 'read'))::uuid[])
);
-- Nobody gives away more than they came with.
create policy made_by_callers on api_keys for insert to ow_api with check (
  user_id = (select caller_id())
  and (select caller_covers('{keys:write}'))
  and caller_covers(scopes)
  and (
    account_id is null and (select claims.account_id is null from caller_claims() as claims)
    or account_id = any ((select caller_reaches())::uuid[])
  )
  and coalesce((select claims.expires_at from caller_claims() as claims) >= expires_at,
    (select claims.expires_at is null from caller_claims() as claims))
);
create policy deleted_by_callers on api_keys for delete to ow_api using (
  user_id = (select caller_id()) and (select caller_covers('{keys:delete}')) and (
    account_id is null and (select claims.account_id is null from caller_claims() as claims)
    or account_id = any ((select caller_reaches())::uuid[])
  )
  or account_id = any ((select caller_accounts('keys', 'delete'))::uuid[])
);

create policy of_the_caller on idempotency_keys to ow_api
  using (user_id = (select caller_id())) with check (user_id = (select caller_id()));

create policy read_by_callers on log_tokens for select to ow_api using (
  worker_id = any ((select caller_owned('worker', 'logs', 'read'))::uuid[])
  or owner_id = any ((select caller_accounts('logs', 'read'))::uuid[])
  or (select caller_is_operator())
);
create policy made_by_callers on log_tokens for insert to ow_api with check (
  created_by = (select caller_id())
  and (
    worker_id = any ((select caller_owned('worker', 'logs', 'read'))::uuid[])
    or owner_id = any ((select caller_accounts('logs', 'read'))::uuid[])
    or worker_id is null and owner_id is null and (select caller_is_operator()) and (select caller_covers('{logs:read}'))
      and (select claims.account_id is null from caller_claims() as claims)
  )
);
create policy deleted_by_callers on log_tokens for delete to ow_api using (
  created_by = (select caller_id()) and (
    worker_id = any ((select caller_owned('worker', 'logs', 'read'))::uuid[])
    or owner_id = any ((select caller_accounts('logs', 'read'))::uuid[])
  )
  or worker_id = any ((select caller_owned('worker', 'logs', 'write'))::uuid[])
  or owner_id = any ((select caller_accounts('logs', 'write'))::uuid[])
);

create policy read_by_callers on database_dumps for select to ow_api
  using (owner_id = any ((select caller_accounts('databases', 'read'))::uuid[]));

create policy read_by_callers on audit_log for select to ow_api using (
  account_id = any ((select caller_accounts('audit', 'read'))::uuid[])
  or user_id = (select caller_id()) and (select caller_covers('{audit:read}'))
    and (select claims.account_id is null from caller_claims() as claims)
);
create policy made_by_callers on audit_log for insert to ow_api with check (
  user_id = (select caller_id()) and (account_id = user_id or account_id = any ((select caller_reaches())::uuid[]))
);

do $$
declare
  found regclass;
begin
  for found in select oid::regclass from pg_class
    where relnamespace = 'identity'::regnamespace and relkind = 'r' order by oid loop
    execute format('create policy all_for_identity on %s to ow_identity using (true) with check (true)', found);
  end loop;
end $$;

-- Grants: what policies are about. No column that opens anything: nothing sealed, no hash of a token. --------

grant usage on schema public to ow_api;
grant usage on sequence environment_revisions to ow_api;

grant select on
  workers, environments, kv_namespaces, queues, worker_versions, version_modules, version_source_maps, version_assets,
  version_bindings, deployments, deployment_versions, routes, domains, crons, scheduled_events,
  kv_entries, kv_values, kv_chunks, storage_objects, storage_uploads, storage_blobs, storage_chunks, queue_consumers,
  queue_delays, queue_purges, logs, invocations, worker_stats, blobs, blob_uploads, users, members, idempotency_keys,
  audit_log
to ow_api;
grant select (id, owner_id, name, created_at, backend, s3) on storage_buckets to ow_api;
grant select (
  id, owner_id, name, created_at, kind, state, limits, size_bytes, measured_at, is_full, forked_from, keep_dump,
  deletion_failure
) on databases to ow_api;
grant select (
  environment_id, name, kind, value, key_id, updated_at, owner_id, kv_namespace_id, bucket_id, target_worker_id,
  entrypoint, props, database_id, queue_id
) on environment_values to ow_api;
grant select (id, database_id, name, scope, created_by, created_at, expires_at, last_used_at) on database_tokens to ow_api;
grant select (id, owner_id, database_name, size_bytes, created_at, expires_at) on database_dumps to ow_api;
grant select (id, worker_id, owner_id, created_by, created_at, expires_at, name) on log_tokens to ow_api;
grant select (id, user_id, account_id, name, prefix, scopes, created_at, expires_at, last_used_at) on api_keys to ow_api;
grant select (id, organisation_id, email, role, invited_by, created_at, expires_at) on invitations to ow_api;
grant select on sealing_keys to ow_api;
-- The right to lock a row is that to change one of its columns.
grant update (id) on sealing_keys to ow_api;

grant insert on
  workers, environments, kv_namespaces, queues, storage_buckets, databases, worker_versions, version_modules,
  version_source_maps, version_assets, version_bindings, deployments, deployment_versions, routes, domains, crons,
  environment_values, kv_entries, kv_values, kv_chunks, storage_objects, storage_uploads, storage_blobs, storage_chunks,
  database_tokens, queue_consumers, queue_delays, queue_purges, blobs, blob_uploads, log_tokens, invitations, api_keys,
  idempotency_keys, audit_log
to ow_api;
grant insert (id, worker_id, cron_id, cron, due_at, manual, state, wall_ms, publish_at) on scheduled_events to ow_api;

grant update (name, environment_id, limits, last_version, log_retention_days) on workers to ow_api;
grant update (name) on environments, kv_namespaces to ow_api;
grant update (name, paused) on queues to ow_api;
grant update (name, backend, s3, s3_sealed, s3_key_id) on storage_buckets to ow_api;
grant update (name, state, limits, forked_from, keep_dump, deletion_failure) on databases to ow_api;
grant update (verified_at, verification_token) on domains to ow_api;
grant update (
  source, paused, retries, retry_delay_ms, late, late_cap, overlap, wall_ms, next_due, problem
) on crons to ow_api;
grant update (state, reason, finished_at) on scheduled_events to ow_api;
grant update (value, value_id, size, metadata, expires_at) on kv_entries to ow_api;
grant update (released_at) on kv_values to ow_api;
grant update (state) on storage_uploads to ow_api;
grant update (size, version, position, upload_id, part_number, etag, touched_at) on storage_blobs to ow_api;
grant update (
  worker_id, max_batch_size, max_batch_timeout, max_retries, retry_delay, max_concurrency, dead_letter_queue_id, from_manifest
) on queue_consumers to ow_api;
grant update (due_at, attempts) on queue_delays to ow_api;
grant update (requested_at) on queue_purges to ow_api;
grant update (uploaded_at) on blob_uploads to ow_api;
grant update (name, display_name) on users to ow_api;
grant update (role) on members to ow_api;
grant update (role, expires_at) on invitations to ow_api;
grant update (status, body) on idempotency_keys to ow_api;

grant delete on
  workers, environments, kv_namespaces, queues, storage_buckets, version_bindings, routes, domains, crons,
  environment_values, kv_entries, kv_values, storage_objects, storage_blobs, database_tokens, queue_consumers,
  queue_delays, blob_uploads, users, members, invitations, api_keys, idempotency_keys, log_tokens
to ow_api;

grant usage on schema identity to ow_identity;
grant select, insert, update, delete on
  identity.users, identity.sessions, identity.accounts, identity.verifications, identity.two_factors, identity.used_codes,
  identity.rate_limits
to ow_identity;
-- What waits to be sent is not to be read again.
grant insert on identity.mails to ow_identity;
grant execute on all functions in schema identity to ow_identity;

do $$
declare
  found regprocedure;
begin
  for found in select oid::regprocedure from pg_proc where pronamespace = 'public'::regnamespace
    and oid not in (select objid from pg_depend where deptype = 'e' and classid = 'pg_proc'::regclass) loop
    execute format('revoke execute on routine %s from public', found);
  end loop;
end $$;
grant execute on function
  caller_id(), caller_accounts(text, text), caller_reaches(), caller_may(uuid, text, text), caller_is_operator(),
  caller_is_owner(uuid), caller_covers(text[]), caller_claims(), caller_owned(text, text, text), caller_people(),
  caller_has_content(text), collect_blobs(text[]), create_organisation(uuid, text, text), accept_invitation(bytea),
  add_counts(integer[], integer[]), add_outcomes(jsonb, jsonb)
to ow_api;

-- What the planner knows of values, EXPLAIN shows: of what people put there, nothing.
alter table environment_values alter column value set statistics 0;
alter table kv_entries alter column value set statistics 0, alter column metadata set statistics 0;
