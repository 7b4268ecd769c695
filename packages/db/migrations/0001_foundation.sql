-- Rules that the code relies on live here, as constraints and triggers, so that no client can break them:
-- versions are immutable, a deployment's shares are 100 in all, a version runs only under its own worker,
-- and a worker uses only environments of its owner.

create table users (
  id uuid primary key,
  name text not null unique check (name ~ '^[a-z0-9][a-z0-9._@+-]{0,252}$'),
  -- May act on what others own.
  is_operator boolean not null default false,
  created_at timestamptz not null default now()
);

create table sealing_keys (
  id text primary key check (id ~ '^[0-9a-f]{16}$'),
  -- P-256, raw uncompressed point.
  public_key bytea not null check (octet_length(public_key) = 65),
  created_at timestamptz not null default now(),
  retired_at timestamptz
);
create unique index sealing_keys_one_active on sealing_keys ((true)) where retired_at is null;

-- One for all environments: a worker that changes from one to another never finds the same revision there.
create sequence environment_revisions;

create table environments (
  id uuid primary key,
  owner_id uuid not null references users (id),
  name text not null check (name ~ '^[a-z0-9]([a-z0-9_-]{0,98}[a-z0-9])?$'),
  -- Grows with every change of a value; a runner whose copy has another revision reads the values again.
  revision bigint not null default nextval('environment_revisions'),
  created_at timestamptz not null default now(),
  unique (owner_id, name),
  unique (id, owner_id)
);

create table environment_values (
  environment_id uuid not null references environments (id) on delete cascade,
  name text not null check (name ~ '^[A-Za-z_][A-Za-z0-9_]{0,127}$'),
  kind text not null check (kind in ('var', 'secret')),
  value text check (octet_length(value) <= 65536),
  -- 65,536 bytes of text and what sealing adds.
  sealed bytea check (octet_length(sealed) <= 65536 + 256),
  key_id text references sealing_keys (id),
  updated_at timestamptz not null default now(),
  primary key (environment_id, name),
  constraint environment_values_of_its_kind check (
    case kind
      when 'var' then value is not null and sealed is null and key_id is null
      else value is null and sealed is not null and key_id is not null
    end
  )
);
create index environment_values_by_key on environment_values (key_id) where key_id is not null;

create table workers (
  id uuid primary key,
  -- A DNS label without "--", with room for a preview's prefix: parseWorkerName in packages/core.
  name text not null unique check (name ~ '^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$' and name !~ '--'),
  owner_id uuid not null references users (id),
  environment_id uuid,
  -- What differs from the platform's defaults.
  limits jsonb not null default '{}' check (jsonb_typeof(limits) = 'object'),
  -- Number of the newest version. Numbers are never given twice.
  last_version integer not null default 0 check (last_version >= 0),
  created_at timestamptz not null default now(),
  unique (id, owner_id),
  constraint workers_environment_of_owner foreign key (environment_id, owner_id)
    references environments (id, owner_id) on delete set null (environment_id)
);
create index workers_by_owner on workers (owner_id);
create index workers_by_environment on workers (environment_id) where environment_id is not null;

create table blobs (
  hash text primary key,
  content bytea not null,
  size integer not null generated always as (octet_length(content)) stored,
  constraint blobs_content_addressed check (hash = encode(sha256(content), 'hex'))
);

create table worker_versions (
  id uuid primary key,
  worker_id uuid not null references workers (id) on delete cascade,
  number integer not null check (number > 0),
  compatibility_date text not null check (compatibility_date ~ '^\d{4}-\d{2}-\d{2}$'),
  compatibility_flags text[] not null default '{}',
  -- What the manifest said: {"NAME": {"kind": "text" | "json", "value": "…"}}.
  vars jsonb not null default '{}' check (jsonb_typeof(vars) = 'object'),
  -- What the manifest said; it goes before the worker's own limits.
  limits jsonb not null default '{}' check (jsonb_typeof(limits) = 'object'),
  message text check (length(message) <= 1000),
  created_by uuid not null references users (id),
  created_at timestamptz not null default now(),
  unique (worker_id, number),
  unique (id, worker_id)
);

create table version_modules (
  version_id uuid not null references worker_versions (id) on delete cascade,
  -- 0 is the main module.
  position integer not null check (position >= 0),
  name text not null check (length(name) between 1 and 1024),
  type text not null check (type in ('esModule', 'commonJsModule', 'text', 'data', 'wasm', 'json')),
  hash text not null references blobs (hash),
  primary key (version_id, position),
  unique (version_id, name)
);
create index version_modules_by_hash on version_modules (hash);

create table version_source_maps (
  version_id uuid not null,
  module_name text not null,
  hash text not null references blobs (hash),
  primary key (version_id, module_name),
  foreign key (version_id, module_name) references version_modules (version_id, name) on delete cascade
);
create index version_source_maps_by_hash on version_source_maps (hash);

-- The one with the highest sequence is live.
create table deployments (
  id uuid primary key,
  sequence bigint not null generated always as identity,
  worker_id uuid not null references workers (id) on delete cascade,
  message text check (length(message) <= 1000),
  created_by uuid not null references users (id),
  created_at timestamptz not null default now(),
  unique (id, worker_id)
);
create unique index deployments_newest on deployments (worker_id, sequence desc);

create table deployment_versions (
  deployment_id uuid not null,
  version_id uuid not null,
  worker_id uuid not null,
  percent integer not null check (percent between 1 and 100),
  primary key (deployment_id, version_id),
  foreign key (deployment_id, worker_id) references deployments (id, worker_id) on delete cascade,
  constraint deployment_versions_of_worker foreign key (version_id, worker_id)
    references worker_versions (id, worker_id) on delete cascade
);
create index deployment_versions_by_version on deployment_versions (version_id);

create table domains (
  hostname text primary key check (
    length(hostname) <= 253
    and hostname ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'
  ),
  worker_id uuid not null references workers (id) on delete cascade,
  -- What a DNS TXT record must say to prove that the owner of the worker has the domain.
  verification_token text not null,
  -- Requests are routed only from then on.
  verified_at timestamptz,
  created_at timestamptz not null default now()
);
create index domains_by_worker on domains (worker_id);

create table routes (
  -- `host/path`, the host possibly starting in `*.`, the path possibly ending in `*`.
  pattern text primary key check (
    length(pattern) <= 1024
    and pattern ~ '^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?/[!-)+-~]*\*?$'
  ),
  worker_id uuid not null references workers (id) on delete cascade,
  created_at timestamptz not null default now()
);
create index routes_by_worker on routes (worker_id);

create table audit_log (
  id bigint primary key generated always as identity,
  at timestamptz not null default now(),
  user_id uuid not null references users (id),
  -- `worker.deploy`, `secret.set` …
  action text not null check (action ~ '^[a-z_]+\.[a-z_]+$'),
  -- Name of what it was done to.
  subject text not null,
  -- Never a secret's value.
  details jsonb not null default '{}' check (jsonb_typeof(details) = 'object')
);
create index audit_log_by_subject on audit_log (subject, id desc);

-- Immutability ---------------------------------------------------------------------------------------------

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% cannot be changed', tg_table_name using errcode = 'restrict_violation';
end $$;

create trigger worker_versions_immutable before update on worker_versions
  for each row execute function refuse_change();
create trigger version_modules_immutable before update on version_modules
  for each row execute function refuse_change();
create trigger version_source_maps_immutable before update on version_source_maps
  for each row execute function refuse_change();
create trigger blobs_immutable before update on blobs
  for each row execute function refuse_change();
create trigger deployments_immutable before update on deployments
  for each row execute function refuse_change();
create trigger deployment_versions_immutable before update on deployment_versions
  for each row execute function refuse_change();
create trigger audit_log_immutable before update or delete on audit_log
  for each row execute function refuse_change();
create trigger audit_log_kept before truncate on audit_log
  for each statement execute function refuse_change();

-- Modules come with their version, in the same transaction, and go with it.
create function keep_version_whole() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    if exists (
      select from worker_versions
      where id = new.version_id and xmin <> pg_current_xact_id()::xid
    ) then
      raise exception 'version % is complete', new.version_id using errcode = 'restrict_violation';
    end if;
    return new;
  end if;
  -- When the version itself is deleted, it is no longer there by now.
  if exists (select from worker_versions where id = old.version_id) then
    raise exception 'version % is complete', old.version_id using errcode = 'restrict_violation';
  end if;
  return old;
end $$;

create trigger version_modules_whole before insert or delete on version_modules
  for each row execute function keep_version_whole();
create trigger version_source_maps_whole before insert or delete on version_source_maps
  for each row execute function keep_version_whole();

-- Shares of a deployment -----------------------------------------------------------------------------------

create function check_shares() returns trigger language plpgsql as $$
declare
  deployment uuid;
  total integer;
begin
  if tg_table_name = 'deployments' then
    deployment := new.id;
  elsif tg_op = 'DELETE' then
    deployment := old.deployment_id;
  else
    deployment := new.deployment_id;
  end if;
  if not exists (select from deployments where id = deployment) then
    return null;
  end if;
  select coalesce(sum(percent), 0) into total from deployment_versions where deployment_id = deployment;
  if total <> 100 then
    raise exception 'the shares of deployment % are % in all, not 100', deployment, total
      using errcode = 'check_violation', constraint = 'deployment_versions_sum';
  end if;
  return null;
end $$;

create constraint trigger deployments_shares after insert on deployments
  deferrable initially deferred for each row execute function check_shares();
create constraint trigger deployment_versions_shares after insert or delete on deployment_versions
  deferrable initially deferred for each row execute function check_shares();

-- Sealed values --------------------------------------------------------------------------------------------

-- Holds the key until the end of the transaction, so that a rotation meanwhile waits and re-seals this too.
create function check_sealing_key() returns trigger language plpgsql as $$
begin
  if new.key_id is not null then
    perform from sealing_keys where id = new.key_id and retired_at is null for share;
    if not found then
      raise exception 'sealing key % is not the active one', new.key_id
        using errcode = 'check_violation', constraint = 'environment_values_active_key';
    end if;
  end if;
  return new;
end $$;

create trigger environment_values_active_key before insert or update on environment_values
  for each row execute function check_sealing_key();

create function bump_revision() returns trigger language plpgsql as $$
begin
  -- Re-sealing changes no value, so no cell has to start anew for it.
  if coalesce(current_setting('openworkers.resealing', true), '') <> 'on' then
    update environments set revision = nextval('environment_revisions')
    where id in (select environment_id from changed);
  end if;
  return null;
end $$;

create trigger environment_values_inserted after insert on environment_values
  referencing new table as changed for each statement execute function bump_revision();
create trigger environment_values_updated after update on environment_values
  referencing new table as changed for each statement execute function bump_revision();
create trigger environment_values_deleted after delete on environment_values
  referencing old table as changed for each statement execute function bump_revision();

-- Notifications --------------------------------------------------------------------------------------------

-- One channel, one small JSON object: packages/core/src/notifications.ts. PostgreSQL sends equal ones of a
-- transaction once. Ids and a host name are far below the limit of 8,000 bytes.
create function notify_change() returns trigger language plpgsql as $$
declare
  changed jsonb := to_jsonb(coalesce(new, old));
begin
  perform pg_notify('openworkers', (
    jsonb_build_object('table', tg_table_name)
    || case tg_table_name
      when 'workers' then jsonb_build_object('workerId', changed -> 'id')
      when 'environments' then jsonb_build_object('environmentId', changed -> 'id')
      when 'domains' then
        jsonb_build_object('workerId', changed -> 'worker_id', 'hostname', changed -> 'hostname')
      when 'sealing_keys' then '{}'
      else jsonb_build_object('workerId', changed -> 'worker_id')
    end
  )::text);
  return null;
end $$;

create trigger workers_notify_rows after insert or delete on workers
  for each row execute function notify_change();
create trigger workers_notify_changes after update on workers for each row
  when ((old.name, old.environment_id, old.limits) is distinct from (new.name, new.environment_id, new.limits))
  execute function notify_change();
create trigger deployments_notify after insert or delete on deployments
  for each row execute function notify_change();
create trigger environments_notify_rows after insert or delete on environments
  for each row execute function notify_change();
create trigger environments_notify_changes after update on environments for each row
  when (old.revision is distinct from new.revision) execute function notify_change();
create trigger domains_notify after insert or update or delete on domains
  for each row execute function notify_change();
create trigger routes_notify after insert or update or delete on routes
  for each row execute function notify_change();
create trigger sealing_keys_notify after insert or update on sealing_keys
  for each row execute function notify_change();
