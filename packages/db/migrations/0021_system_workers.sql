-- Bindings that only the platform's own workers have: see docs/decisions/018-api.md.

alter table version_bindings
  -- Of `platform-sql`: which of Postgate's faces.
  add column face text check (face in ('api', 'identity')),
  drop constraint version_bindings_kind_check,
  drop constraint version_bindings_of_their_kind,
  add constraint version_bindings_kind_check check (
    kind in (
      'kv', 'storage', 'database', 'hyperdrive', 'queue', 'worker', 'assets', 'version-metadata', 'rate-limit',
      'platform-sql', 'platform-services'
    )
  ),
  add constraint version_bindings_of_their_kind check (
    (kind = 'kv') = (kv_namespace_id is not null)
    and (kind = 'storage') = (bucket_id is not null)
    and (kind in ('database', 'hyperdrive')) = (database_id is not null)
    and (kind = 'queue') = (queue_id is not null)
    and (kind = 'queue' or delivery_delay is null)
    and (kind = 'worker') = (target_worker_id is not null)
    and (kind = 'worker' or (entrypoint is null and props is null))
    and (kind = 'rate-limit') = (settings is not null)
    and (kind = 'platform-sql') = (face is not null)
  );

-- Whoever has the operator's rights has the database, and needs neither: a worker of theirs is run as anybody's.
create function is_system_owner(id uuid) returns boolean language sql stable
  security definer set search_path = pg_catalog, public, pg_temp
  as $$ select exists (select from users where users.id = $1 and kind = 'system' and not is_operator) $$;

create function check_system_binding() returns trigger language plpgsql
  security definer set search_path = pg_catalog, public, pg_temp
  as $$
begin
  if not is_system_owner(new.owner_id) then
    raise exception 'only the platform''s own workers may have a binding of the kind %', new.kind
      using errcode = 'insufficient_privilege', constraint = 'version_bindings_system';
  end if;
  return new;
end $$;
create trigger version_bindings_system before insert on version_bindings
  for each row when (new.kind in ('platform-sql', 'platform-services')) execute function check_system_binding();

-- Nobody becomes one of the platform's own, or is no longer, but by a migration.
create function keep_system_kind() returns trigger language plpgsql
  security definer set search_path = pg_catalog, public, pg_temp
  as $$
begin
  raise exception 'a user is of the kind ''system'' from its start to its end'
    using errcode = 'check_violation', constraint = 'users_system_kind';
end $$;
create trigger users_system_kind before update of kind on users
  for each row when ((old.kind = 'system') <> (new.kind = 'system')) execute function keep_system_kind();

-- These are host names that people trust. Who had one before keeps it.
create function check_reserved_name() returns trigger language plpgsql
  security definer set search_path = pg_catalog, public, pg_temp
  as $$
begin
  if not is_system_owner(new.owner_id) then
    raise exception 'the name % is the platform''s', new.name
      using errcode = 'insufficient_privilege', constraint = 'workers_reserved_name';
  end if;
  return new;
end $$;
-- After: a deploy of one that is there tries to insert it first, as whoever deploys.
create trigger workers_reserved_name after insert or update of name, owner_id on workers
  for each row when (new.name in ('api', 'identity', 'dashboard')) execute function check_reserved_name();

-- What of a system worker is deployed: the hash of all that it was built from.
create table system_workers (
  name text primary key check (name in ('api', 'identity', 'dashboard')),
  worker_id uuid unique references workers (id) on delete set null,
  version_id uuid references worker_versions (id) on delete set null,
  built_from text not null,
  deployed_at timestamptz not null default now()
);
call protect_table('system_workers');
revoke execute on function is_system_owner(uuid), check_system_binding(), keep_system_kind(), check_reserved_name() from public;

-- What the identity worker seals its mails with, who reads nothing outside of its schema.
create function identity.active_sealing_key() returns table (id text, public_key bytea)
  language sql stable security definer set search_path = '' as $$
  select k.id, k.public_key from public.sealing_keys k where k.retired_at is null
$$;
revoke execute on function identity.active_sealing_key() from public;
grant execute on function identity.active_sealing_key() to ow_identity;
