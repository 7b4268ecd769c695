-- Objects of the platform's own store. What an object is stands in one row, which appears, changes and goes at
-- once; its content lies in blobs, written before and removed after. A blob that neither an object nor an upload
-- names is loose: being written, being read to its end, or left by a process that died. The sweep takes loose
-- blobs that nobody has touched for a while.

alter table storage_buckets
  -- Where its objects are: in these tables, in the S3 bucket of the platform, or in one of the owner's. Decided
  -- when it is first used, and for good: a platform that is given an S3 server later loses sight of nothing.
  add column backend text check (backend in ('database', 'platform-s3', 'own-s3')),
  -- A bucket on the user's own S3 server: {"endpoint", "bucket", "region", "prefix"}; null on the platform's.
  add column s3 jsonb check (jsonb_typeof(s3) = 'object'),
  -- Its {"accessKeyId", "secretAccessKey"}, sealed like a secret.
  add column s3_sealed bytea,
  add column s3_key_id text references sealing_keys (id),
  add constraint storage_buckets_s3_whole check (
    (s3 is null) = (s3_sealed is null) and (s3_sealed is null) = (s3_key_id is null)
    and (s3 is not null) = (backend is not distinct from 'own-s3')
  );

create table storage_objects (
  bucket_id uuid not null references storage_buckets (id) on delete cascade,
  -- In the order of its UTF-8 bytes, as S3 lists.
  key text collate "C" not null check (octet_length(key) between 1 and 1024),
  version uuid not null unique,
  size bigint not null check (size >= 0),
  etag text not null,
  uploaded_at timestamptz(3) not null,
  -- Text rather than jsonb: it keeps the order of names and every character.
  http_metadata json not null,
  custom_metadata json not null,
  checksums json not null,
  storage_class text not null,
  primary key (bucket_id, key)
);

create table storage_uploads (
  id uuid primary key,
  bucket_id uuid not null references storage_buckets (id) on delete cascade,
  key text collate "C" not null check (octet_length(key) between 1 and 1024),
  http_metadata json not null,
  custom_metadata json not null,
  storage_class text not null,
  state text not null default 'open' check (state in ('open', 'completed', 'aborted')),
  created_at timestamptz not null default now()
);
create index storage_uploads_by_bucket on storage_uploads (bucket_id);
create index storage_uploads_by_age on storage_uploads (created_at);

create table storage_blobs (
  id uuid primary key,
  bucket_id uuid references storage_buckets (id) on delete set null,
  chunk_bytes integer not null check (chunk_bytes > 0),
  -- Bytes in all; null until the last one is here.
  size bigint check (size >= 0),
  -- The object that it is a part of, and where.
  version uuid references storage_objects (version) on delete set null,
  position integer,
  -- The upload that it is a part of.
  upload_id uuid references storage_uploads (id) on delete set null,
  part_number integer check (part_number between 1 and 10000),
  etag text,
  touched_at timestamptz not null default now(),
  check (size is not null or (version is null and upload_id is null))
);
create index storage_blobs_by_bucket on storage_blobs (bucket_id);
create unique index storage_blobs_by_version on storage_blobs (version, position) where version is not null;
create unique index storage_blobs_by_upload on storage_blobs (upload_id, part_number) where upload_id is not null;
create index storage_blobs_loose on storage_blobs (touched_at) where version is null and upload_id is null;

-- Whoever reads a blob as it becomes loose has the same while as everybody.
create function touch_loose_blob() returns trigger language plpgsql as $$
begin
  new.touched_at := now();
  return new;
end $$;
create trigger storage_blobs_loosened before update of version, upload_id on storage_blobs
  for each row when (new.version is null and new.upload_id is null)
  execute function touch_loose_blob();

create table storage_chunks (
  blob_id uuid not null references storage_blobs (id) on delete cascade,
  number integer not null,
  bytes bytea not null,
  primary key (blob_id, number)
);
-- Most objects are compressed already; a chunk is read and written whole.
alter table storage_chunks alter column bytes set storage external;
