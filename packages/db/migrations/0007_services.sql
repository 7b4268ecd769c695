-- A worker's cells are configured with the entrypoints that other workers call of it: what binds one changes the
-- routing of the worker that is bound.

create function notify_callees(callees uuid[]) returns void language sql as $$
  select pg_notify('openworkers', jsonb_build_object('table', 'deployments', 'workerId', callee)::text)
  from (select distinct unnest(callees) as callee) as distinct_callees
$$;

create function notify_deployed_callees() returns trigger language plpgsql as $$
begin
  perform notify_callees(array(
    select target_worker_id from version_bindings
    where version_id = new.version_id and kind = 'worker' and (entrypoint is not null or props is not null)
  ));
  return null;
end $$;
create trigger deployment_versions_notify_callees after insert on deployment_versions
  for each row execute function notify_deployed_callees();

create function notify_environment_callees() returns trigger language plpgsql as $$
begin
  if tg_op <> 'INSERT' and old.target_worker_id is not null then
    perform notify_callees(array[old.target_worker_id]);
  end if;
  if tg_op <> 'DELETE' and new.target_worker_id is not null then
    perform notify_callees(array[new.target_worker_id]);
  end if;
  return null;
end $$;
create trigger environment_values_notify_callees after insert or update or delete on environment_values
  for each row execute function notify_environment_callees();

create function notify_moved_callees() returns trigger language plpgsql as $$
begin
  perform notify_callees(array(
    select target_worker_id from environment_values
    where environment_id = new.environment_id and kind = 'worker'
      and (entrypoint is not null or props is not null)
  ));
  return null;
end $$;
create trigger workers_notify_callees after update on workers for each row
  when (old.environment_id is distinct from new.environment_id) execute function notify_moved_callees();
