-- Static files of versions: content in `blobs`, once for all who have it; who has it is in `version_assets`.

-- Large files are read in pieces, which a compressed value would have to be unpacked for from its start each time.
alter table blobs alter column content set storage external;

alter table worker_versions
  -- How its files are served (packages/core/src/assets.ts); null when it has none.
  add column assets jsonb check (jsonb_typeof(assets) = 'object');

create table version_assets (
  version_id uuid not null references worker_versions (id) on delete cascade,
  path text not null check (length(path) <= 1024 and path ~ '^(/[^/]+)+$'),
  hash text not null references blobs (hash),
  size integer not null check (size between 0 and 26214400),
  content_type text not null check (content_type ~ '^[ -~]{1,255}$'),
  primary key (version_id, path)
);
create index version_assets_by_hash on version_assets (hash);

create trigger version_assets_immutable before update on version_assets
  for each row execute function refuse_change();
create trigger version_assets_whole before insert or delete on version_assets
  for each row execute function keep_version_whole();

-- Contents that somebody has sent ahead of a deploy. A version may refer to what its deployer has sent, or has in an
-- earlier version: who knows nothing but the hash of somebody else's file must not get the file for it.
create table blob_uploads (
  user_id uuid not null references users (id) on delete cascade,
  hash text not null references blobs (hash) on delete cascade,
  uploaded_at timestamptz not null default now(),
  primary key (user_id, hash)
);
create index blob_uploads_by_hash on blob_uploads (hash);
create index blob_uploads_by_age on blob_uploads (uploaded_at);
