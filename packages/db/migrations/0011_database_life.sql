-- What it takes to make, copy and delete tenant databases in steps, each of which may be the last of a process.

-- A name is free again as soon as its database is being deleted, which takes as long as a dump of it.
alter table databases drop constraint databases_owner_id_name_key;
create unique index databases_owner_id_name on databases (owner_id, name) where state <> 'deleting';

-- A copy is made when it is first needed, as any other; a source stays until then.
alter table databases
  add column forked_from uuid references databases (id),
  add constraint databases_forked check (forked_from is null or state = 'wanted');
create index databases_by_source on databases (forked_from) where forked_from is not null;
