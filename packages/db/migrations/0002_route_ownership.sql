-- A route is the operator's gift, or rests on a verified domain of the worker's owner, and goes with it: else
-- anybody could stand in front of anybody's domain, for the most specific route wins.

alter table routes
  -- Null when an operator gave the route.
  add column domain text references domains (hostname) on delete cascade,
  -- `example.com/…` and `*.example.com/…` both rest on example.com: whoever proves a name in DNS has what is below
  -- it (RFC 8555 §7.1.3 sees wildcards so too), and an exact host of somebody else's goes before a wildcard.
  add constraint routes_on_domain
    check (domain is null or split_part(pattern, '/', 1) in (domain, '*.' || domain));
create index routes_by_domain on routes (domain) where domain is not null;

create function check_route_owner() returns trigger language plpgsql as $$
begin
  if new.domain is not null and not exists (
    select from domains
    join workers as holder on holder.id = domains.worker_id
    join workers as routed on routed.id = new.worker_id
    where domains.hostname = new.domain
      and domains.verified_at is not null
      and holder.owner_id = routed.owner_id
  ) then
    raise exception 'route % rests on a domain that is not its owner''s, or not verified', new.pattern
      using errcode = 'check_violation', constraint = 'routes_owner';
  end if;
  return new;
end $$;

create trigger routes_owner before insert or update on routes
  for each row execute function check_route_owner();
