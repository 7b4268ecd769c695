-- Any number of workers may claim a host name; one that has proven it has it, and the claims of the others end.
-- Before, whoever claimed a name first kept its rightful owner from it without proving anything.

alter table routes drop constraint routes_domain_fkey;
alter table domains drop constraint domains_pkey, add primary key (hostname, worker_id);
create unique index domains_verified on domains (hostname) where verified_at is not null;

-- Whose claim the route rests on: that of a worker of the same owner. The trigger sets it from now on.
alter table routes add column domain_worker_id uuid;
alter table routes disable trigger routes_owner;
update routes set domain_worker_id = domains.worker_id from domains where domains.hostname = routes.domain;
alter table routes
  enable trigger routes_owner,
  add foreign key (domain, domain_worker_id) references domains (hostname, worker_id) on delete cascade,
  add check ((domain is null) = (domain_worker_id is null));

create or replace function check_route_owner() returns trigger language plpgsql as $$
begin
  new.domain_worker_id := null;
  if new.domain is not null then
    select domains.worker_id into new.domain_worker_id
    from domains
    join workers as holder on holder.id = domains.worker_id
    join workers as routed on routed.id = new.worker_id
    where domains.hostname = new.domain
      and domains.verified_at is not null
      and holder.owner_id = routed.owner_id;
    if not found then
      raise exception 'route % rests on a domain that is not its owner''s, or not verified', new.pattern
        using errcode = 'check_violation', constraint = 'routes_owner';
    end if;
  end if;
  return new;
end $$;

-- As the owner of the tables: who proves a name need not be able to see who else claims it.
create function end_other_claims() returns trigger language plpgsql security definer
  set search_path = pg_catalog, public
  as $$
begin
  delete from domains
  where hostname = new.hostname and worker_id <> new.worker_id and verified_at is null;
  return null;
end $$;

create trigger domains_end_other_claims after insert or update of verified_at on domains
  for each row when (new.verified_at is not null) execute function end_other_claims();
