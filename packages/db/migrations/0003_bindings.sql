-- Resources and the bindings that point at them. Every reference to a resource carries the owner's id beside the
-- resource's, so that no row can bind one owner's resource for another's worker, whoever writes it.

create table kv_namespaces (
  id uuid primary key,
  owner_id uuid not null references users (id),
  name text not null check (name ~ '^[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$'),
  created_at timestamptz not null default now(),
  unique (owner_id, name),
  unique (id, owner_id)
);

create table storage_buckets (
  id uuid primary key,
  owner_id uuid not null references users (id),
  -- What S3 allows, without dots.
  name text not null check (name ~ '^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$'),
  created_at timestamptz not null default now(),
  unique (owner_id, name),
  unique (id, owner_id)
);

alter table worker_versions
  -- The exported classes that other workers may call; null in versions from before this was recorded.
  add column entrypoints text[];

-- What the manifest bound. Goes with the version, and with the resource: a version that has lost one starts without.
create table version_bindings (
  version_id uuid not null,
  worker_id uuid not null,
  owner_id uuid not null,
  name text not null check (name ~ '^[A-Za-z_$][A-Za-z0-9_$]{0,127}$'),
  kind text not null check (kind in ('kv', 'storage', 'worker', 'assets', 'version-metadata', 'rate-limit')),
  kv_namespace_id uuid,
  bucket_id uuid,
  target_worker_id uuid,
  entrypoint text check (length(entrypoint) between 1 and 128),
  props jsonb,
  -- Of a rate limit: {"namespace", "limit", "periodSeconds"}.
  settings jsonb check (jsonb_typeof(settings) = 'object'),
  primary key (version_id, name),
  foreign key (version_id, worker_id) references worker_versions (id, worker_id) on delete cascade,
  constraint version_bindings_owner foreign key (worker_id, owner_id)
    references workers (id, owner_id) on delete cascade,
  constraint version_bindings_kv foreign key (kv_namespace_id, owner_id)
    references kv_namespaces (id, owner_id) on delete cascade,
  constraint version_bindings_bucket foreign key (bucket_id, owner_id)
    references storage_buckets (id, owner_id) on delete cascade,
  constraint version_bindings_target foreign key (target_worker_id, owner_id)
    references workers (id, owner_id) on delete cascade,
  constraint version_bindings_of_their_kind check (
    (kind = 'kv') = (kv_namespace_id is not null)
    and (kind = 'storage') = (bucket_id is not null)
    and (kind = 'worker') = (target_worker_id is not null)
    and (kind = 'worker' or (entrypoint is null and props is null))
    and (kind = 'rate-limit') = (settings is not null)
  )
);
create index version_bindings_by_kv on version_bindings (kv_namespace_id) where kv_namespace_id is not null;
create index version_bindings_by_bucket on version_bindings (bucket_id) where bucket_id is not null;
create index version_bindings_by_target on version_bindings (target_worker_id) where target_worker_id is not null;

create trigger version_bindings_immutable before update on version_bindings
  for each row execute function refuse_change();

create function keep_bindings_whole() returns trigger language plpgsql as $$
begin
  if exists (
    select from worker_versions where id = new.version_id and xmin <> pg_current_xact_id()::xid
  ) then
    raise exception 'version % is complete', new.version_id using errcode = 'restrict_violation';
  end if;
  return new;
end $$;
create trigger version_bindings_whole before insert on version_bindings
  for each row execute function keep_bindings_whole();

-- Bindings of an environment: they go before the version's, and come and go without a deploy.
alter table environment_values
  add column owner_id uuid,
  add column kv_namespace_id uuid,
  add column bucket_id uuid,
  add column target_worker_id uuid,
  add column entrypoint text check (length(entrypoint) between 1 and 128),
  add column props jsonb,
  drop constraint environment_values_kind_check,
  drop constraint environment_values_of_its_kind,
  drop constraint environment_values_environment_id_fkey;
update environment_values set owner_id = environments.owner_id
  from environments where environments.id = environment_values.environment_id;
alter table environment_values
  alter column owner_id set not null,
  add constraint environment_values_kind_check check (kind in ('var', 'secret', 'kv', 'storage', 'worker')),
  add constraint environment_values_owner foreign key (environment_id, owner_id)
    references environments (id, owner_id) on delete cascade,
  add constraint environment_values_kv foreign key (kv_namespace_id, owner_id)
    references kv_namespaces (id, owner_id) on delete cascade,
  add constraint environment_values_bucket foreign key (bucket_id, owner_id)
    references storage_buckets (id, owner_id) on delete cascade,
  add constraint environment_values_target foreign key (target_worker_id, owner_id)
    references workers (id, owner_id) on delete cascade,
  add constraint environment_values_of_its_kind check (
    (kind = 'var') = (value is not null)
    and (kind = 'secret') = (sealed is not null)
    and (sealed is null) = (key_id is null)
    and (kind = 'kv') = (kv_namespace_id is not null)
    and (kind = 'storage') = (bucket_id is not null)
    and (kind = 'worker') = (target_worker_id is not null)
    and (kind = 'worker' or (entrypoint is null and props is null))
  );
create index environment_values_by_kv on environment_values (kv_namespace_id) where kv_namespace_id is not null;
create index environment_values_by_bucket on environment_values (bucket_id) where bucket_id is not null;
create index environment_values_by_target on environment_values (target_worker_id)
  where target_worker_id is not null;
