-- What KV namespaces hold. Keys are bytes: they sort as UTF-8 does whatever the database's collation is, and may
-- hold what text cannot (U+0000).

-- A value that is too large for its entry's row. It is written while nobody refers to it, and taken or left as a whole.
create table kv_values (
  id uuid primary key,
  namespace_id uuid not null references kv_namespaces (id) on delete cascade,
  -- Since when no entry has it, or when its writer last wrote; null while an entry has it.
  released_at timestamptz default now()
);
create index kv_values_by_namespace on kv_values (namespace_id);
create index kv_values_released on kv_values (released_at) where released_at is not null;

create table kv_chunks (
  value_id uuid not null references kv_values (id) on delete cascade,
  position integer not null check (position >= 0),
  content bytea not null,
  primary key (value_id, position)
);
-- Values come compressed or are small; compressing them again would only cost time.
alter table kv_chunks alter column content set storage external;

create table kv_entries (
  namespace_id uuid not null references kv_namespaces (id) on delete cascade,
  key bytea not null check (length(key) between 1 and 512),
  -- The value itself, or else `value_id`.
  value bytea,
  value_id uuid unique references kv_values (id),
  size integer not null check (size between 0 and 26214400),
  -- JSON text. Not jsonb, which cannot hold U+0000.
  metadata text check (octet_length(metadata) <= 1024),
  expires_at timestamptz,
  primary key (namespace_id, key),
  constraint kv_entries_one_value check ((value is null) <> (value_id is null)),
  constraint kv_entries_size check (value is null or length(value) = size)
);
alter table kv_entries alter column value set storage external;
create index kv_entries_by_expiry on kv_entries (expires_at) where expires_at is not null;

-- Whoever replaces, deletes or sweeps an entry lets go of its large value, which is kept for a while for those who read it.
create function release_kv_value() returns trigger language plpgsql as $$
begin
  update kv_values set released_at = now() where id = old.value_id;
  return null;
end $$;
create trigger kv_entries_release_replaced after update of value_id on kv_entries
  for each row when (old.value_id is not null and old.value_id is distinct from new.value_id)
  execute function release_kv_value();
create trigger kv_entries_release_deleted after delete on kv_entries
  for each row when (old.value_id is not null)
  execute function release_kv_value();
