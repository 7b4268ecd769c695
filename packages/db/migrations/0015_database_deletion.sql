-- A deletion that cannot be finished says why, and whoever deletes may do without the dump that it fails at.
alter table databases
  add column keep_dump boolean not null default true,
  add column deletion_failure text;

drop trigger databases_notify_changes on databases;
-- Neither a new measurement nor a new seal of the same passwords is news.
create trigger databases_notify_changes after update on databases for each row
  when (
    (old.name, old.state, old.limits, old.is_full, old.owner_id, old.keep_dump)
      is distinct from (new.name, new.state, new.limits, new.is_full, new.owner_id, new.keep_dump)
  )
  execute function notify_database();
