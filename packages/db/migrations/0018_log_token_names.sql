-- Tokens that somebody made for others have a name, by which they are listed and revoked; those that `ow` makes itself have none.
alter table log_tokens add column name text check (length(name) between 1 and 100),
  add constraint log_tokens_name unique (worker_id, name);
