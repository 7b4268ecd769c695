-- Names as wrangler's manifests have them, with underscores: parseWorkerName in packages/core.
alter table workers
  drop constraint workers_name_check,
  add constraint workers_name_check check (name ~ '^[a-z0-9]([a-z0-9_-]{0,48}[a-z0-9])?$' and name !~ '--');
