-- Queues. Their messages travel on the bus; here is who owns a queue, who takes its messages, and what is delayed.

create table queues (
  id uuid primary key,
  owner_id uuid not null references users (id),
  name text not null check (name ~ '^[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?$'),
  created_at timestamptz not null default now(),
  -- Nothing is delivered, and all of it is kept.
  paused boolean not null default false,
  unique (owner_id, name),
  unique (id, owner_id)
);

-- One worker takes a queue's messages.
create table queue_consumers (
  queue_id uuid primary key,
  owner_id uuid not null,
  worker_id uuid not null,
  max_batch_size integer not null check (max_batch_size between 1 and 100),
  max_batch_timeout integer not null check (max_batch_timeout between 0 and 60),
  max_retries integer not null check (max_retries between 0 and 100),
  retry_delay integer not null check (retry_delay between 0 and 86400),
  -- Null: as many batches at a time as the runners find good.
  max_concurrency integer check (max_concurrency between 1 and 250),
  dead_letter_queue_id uuid check (dead_letter_queue_id <> queue_id),
  -- Said by the worker's manifest, and gone with it; else a user's.
  from_manifest boolean not null,
  created_at timestamptz not null default now(),
  constraint queue_consumers_queue foreign key (queue_id, owner_id)
    references queues (id, owner_id) on delete cascade,
  constraint queue_consumers_worker foreign key (worker_id, owner_id)
    references workers (id, owner_id) on delete cascade,
  constraint queue_consumers_dead_letters foreign key (dead_letter_queue_id, owner_id)
    references queues (id, owner_id)
);
create index queue_consumers_by_worker on queue_consumers (worker_id);
create index queue_consumers_by_dead_letters on queue_consumers (dead_letter_queue_id)
  where dead_letter_queue_id is not null;

-- Messages that are not due yet: published, and removed, by whoever finds them due.
create table queue_delays (
  queue_id uuid not null references queues (id) on delete cascade,
  message_id uuid not null,
  -- Deliveries that have failed.
  attempts integer not null check (attempts between 0 and 100),
  due_at timestamptz not null,
  sent_at timestamptz not null,
  content_type text not null check (content_type in ('json', 'text', 'bytes', 'v8')),
  body bytea not null check (length(body) <= 131072),
  primary key (queue_id, message_id, attempts)
);
create index queue_delays_by_due on queue_delays (due_at);

-- Queues whose messages are to be removed from the bus; those of a queue that is gone, and its consumer with them.
create table queue_purges (
  queue_id uuid primary key,
  requested_at timestamptz not null default now()
);

create function purge_deleted_queue() returns trigger language plpgsql as $$
begin
  insert into queue_purges (queue_id) values (old.id)
    on conflict (queue_id) do update set requested_at = excluded.requested_at;
  return null;
end $$;
create trigger queues_purge after delete on queues for each row execute function purge_deleted_queue();

create function notify_queue() returns trigger language plpgsql as $$
declare
  changed jsonb := to_jsonb(coalesce(new, old));
begin
  perform pg_notify('openworkers', jsonb_build_object(
    'table', 'queues',
    'queueId', changed -> case tg_table_name when 'queues' then 'id' else 'queue_id' end
  )::text);
  return null;
end $$;
create trigger queues_notify after delete on queues for each row execute function notify_queue();
create trigger queues_notify_changes after update on queues for each row
  when ((old.name, old.paused) is distinct from (new.name, new.paused)) execute function notify_queue();
create trigger queue_consumers_notify after insert or update or delete on queue_consumers
  for each row execute function notify_queue();
create trigger queue_purges_notify after insert or update on queue_purges
  for each row execute function notify_queue();

alter table version_bindings
  add column queue_id uuid,
  -- Of messages that are sent through the binding, in seconds; null: none.
  add column delivery_delay integer check (delivery_delay between 0 and 86400),
  add constraint version_bindings_queue foreign key (queue_id, owner_id)
    references queues (id, owner_id) on delete cascade,
  drop constraint version_bindings_kind_check,
  drop constraint version_bindings_of_their_kind,
  add constraint version_bindings_kind_check check (
    kind in (
      'kv', 'storage', 'database', 'hyperdrive', 'queue', 'worker', 'assets', 'version-metadata', 'rate-limit'
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
  );
create index version_bindings_by_queue on version_bindings (queue_id) where queue_id is not null;

alter table environment_values
  add column queue_id uuid,
  add constraint environment_values_queue foreign key (queue_id, owner_id)
    references queues (id, owner_id) on delete cascade,
  drop constraint environment_values_kind_check,
  drop constraint environment_values_of_its_kind,
  add constraint environment_values_kind_check check (
    kind in ('var', 'secret', 'kv', 'storage', 'database', 'hyperdrive', 'queue', 'worker')
  ),
  add constraint environment_values_of_its_kind check (
    (kind = 'var') = (value is not null)
    and (kind = 'secret') = (sealed is not null)
    and (sealed is null) = (key_id is null)
    and (kind = 'kv') = (kv_namespace_id is not null)
    and (kind = 'storage') = (bucket_id is not null)
    and (kind in ('database', 'hyperdrive')) = (database_id is not null)
    and (kind = 'queue') = (queue_id is not null)
    and (kind = 'worker') = (target_worker_id is not null)
    and (kind = 'worker' or (entrypoint is null and props is null))
  );
create index environment_values_by_queue on environment_values (queue_id) where queue_id is not null;
