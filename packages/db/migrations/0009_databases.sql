-- Tenant databases. A row says that one is wanted, and how to log in to it once it is there; the database itself is on
-- the tenants' server, which no transaction of ours reaches. So each step there can be done again by whoever comes
-- next: a row that is wanted is made by the first who needs it, one that is being deleted is finished by the sweep.

create table databases (
  id uuid primary key,
  owner_id uuid not null references users (id),
  name text not null check (name ~ '^[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$'),
  created_at timestamptz not null default now(),
  -- On the tenants' server, or on one of the owner's.
  kind text not null default 'platform' check (kind in ('platform', 'external')),
  state text not null default 'wanted' check (state in ('wanted', 'ready', 'deleting')),
  limits jsonb not null default '{}' check (jsonb_typeof(limits) = 'object'),
  -- Passwords of its roles, {"owner", "read-write", "read-only", "reduce"}; of an owner's server, {"url"}.
  sealed bytea,
  key_id text references sealing_keys (id),
  -- What it occupies, and whether that is more than its limit.
  size_bytes bigint check (size_bytes >= 0),
  measured_at timestamptz,
  is_full boolean not null default false,
  unique (owner_id, name),
  unique (id, owner_id),
  constraint databases_sealed check ((sealed is null) = (key_id is null)),
  constraint databases_ready check (state <> 'ready' or sealed is not null)
);

-- A token is its database's password for people and programs. Revoking it deletes it; the audit remembers.
create table database_tokens (
  id uuid primary key,
  database_id uuid not null references databases (id) on delete cascade,
  name text not null check (length(name) between 1 and 64),
  scope text not null check (scope in ('read-only', 'read-write', 'owner')),
  -- SHA-256 of the token, which is 256 random bits: there is nothing to guess, so nothing to slow down.
  hash bytea not null unique check (length(hash) = 32),
  created_by uuid not null references users (id),
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  unique (database_id, name)
);

-- What is kept of deleted databases, until it expires.
create table database_dumps (
  id uuid primary key,
  owner_id uuid not null references users (id),
  database_name text not null,
  -- The machine, and the file on it.
  host text not null,
  path text not null,
  size_bytes bigint not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index database_dumps_by_expiry on database_dumps (expires_at);

alter table version_bindings
  add column database_id uuid,
  add constraint version_bindings_database foreign key (database_id, owner_id)
    references databases (id, owner_id) on delete cascade,
  drop constraint version_bindings_kind_check,
  drop constraint version_bindings_of_their_kind,
  add constraint version_bindings_kind_check check (
    kind in ('kv', 'storage', 'database', 'hyperdrive', 'worker', 'assets', 'version-metadata', 'rate-limit')
  ),
  add constraint version_bindings_of_their_kind check (
    (kind = 'kv') = (kv_namespace_id is not null)
    and (kind = 'storage') = (bucket_id is not null)
    and (kind in ('database', 'hyperdrive')) = (database_id is not null)
    and (kind = 'worker') = (target_worker_id is not null)
    and (kind = 'worker' or (entrypoint is null and props is null))
    and (kind = 'rate-limit') = (settings is not null)
  );
create index version_bindings_by_database on version_bindings (database_id) where database_id is not null;

alter table environment_values
  add column database_id uuid,
  add constraint environment_values_database foreign key (database_id, owner_id)
    references databases (id, owner_id) on delete cascade,
  drop constraint environment_values_kind_check,
  drop constraint environment_values_of_its_kind,
  add constraint environment_values_kind_check check (
    kind in ('var', 'secret', 'kv', 'storage', 'database', 'hyperdrive', 'worker')
  ),
  add constraint environment_values_of_its_kind check (
    (kind = 'var') = (value is not null)
    and (kind = 'secret') = (sealed is not null)
    and (sealed is null) = (key_id is null)
    and (kind = 'kv') = (kv_namespace_id is not null)
    and (kind = 'storage') = (bucket_id is not null)
    and (kind in ('database', 'hyperdrive')) = (database_id is not null)
    and (kind = 'worker') = (target_worker_id is not null)
    and (kind = 'worker' or (entrypoint is null and props is null))
  );
create index environment_values_by_database on environment_values (database_id) where database_id is not null;

-- Those who hold sessions look again, and end what is no longer allowed.
create function notify_database() returns trigger language plpgsql as $$
declare
  changed jsonb := to_jsonb(coalesce(new, old));
begin
  perform pg_notify('openworkers', jsonb_build_object(
    'table', 'databases',
    'databaseId', changed -> case tg_table_name when 'databases' then 'id' else 'database_id' end
  )::text);
  return null;
end $$;
create trigger databases_notify after delete on databases
  for each row execute function notify_database();
-- Neither a new measurement nor a new seal of the same passwords is news.
create trigger databases_notify_changes after update on databases for each row
  when (
    (old.name, old.state, old.limits, old.is_full, old.owner_id)
      is distinct from (new.name, new.state, new.limits, new.is_full, new.owner_id)
  )
  execute function notify_database();
create trigger database_tokens_notify after delete on database_tokens
  for each row execute function notify_database();
create trigger database_tokens_notify_changes after update on database_tokens for each row
  when ((old.scope, old.expires_at) is distinct from (new.scope, new.expires_at))
  execute function notify_database();
