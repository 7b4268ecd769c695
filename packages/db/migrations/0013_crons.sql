-- When workers are called on a schedule, and what became of each call.

create table crons (
  id uuid primary key,
  worker_id uuid not null references workers (id) on delete cascade,
  expression text not null check (length(expression) between 1 and 255),
  timezone text not null check (length(timezone) between 1 and 64),
  -- Those of the manifest are replaced by each deploy that has any; a user's stay.
  source text not null check (source in ('manifest', 'user')),
  paused boolean not null default false,
  retries integer not null check (retries between 0 and 10),
  retry_delay_ms integer not null check (retry_delay_ms between 1000 and 3600000),
  late text not null check (late in ('skip', 'once', 'all')),
  late_cap integer not null check (late_cap between 1 and 1000),
  overlap text not null check (overlap in ('allow', 'skip')),
  wall_ms integer not null check (wall_ms between 1000 and 900000),
  -- The first due time that is not an event yet; null while it is paused, or when there is none.
  next_due timestamptz,
  -- Why it is at rest, when it is not paused.
  problem text check (length(problem) <= 1000),
  created_at timestamptz not null default now(),
  unique (worker_id, expression, timezone),
  constraint crons_at_rest check (not paused or next_due is null)
);
create index crons_due on crons (overlap, next_due) where next_due is not null;

create table scheduled_events (
  -- Time-ordered (UUID version 7): by id is by when it was made.
  id uuid primary key,
  worker_id uuid not null references workers (id) on delete cascade,
  -- Null once the cron is removed.
  cron_id uuid references crons (id) on delete set null,
  cron text not null,
  due_at timestamptz not null,
  manual boolean not null default false,
  -- waiting: to be published at publish_at. published: on the bus. finished: it ran. skipped: it is not to run.
  state text not null check (state in ('waiting', 'published', 'finished', 'skipped')),
  reason text check (reason in ('late', 'overlap', 'backlog', 'paused', 'removed')),
  -- Due times before it that did not become events.
  missed integer not null default 0 check (missed >= 0),
  attempt integer not null default 1 check (attempt > 0),
  wall_ms integer not null,
  publish_at timestamptz not null,
  -- The scheduler that will publish it; another one may from claimed_until on.
  claimed_by uuid,
  claimed_until timestamptz,
  published_at timestamptz,
  -- Its place on the bus: the stream by when it was made, and the position there.
  bus_stream bigint,
  bus_seq bigint,
  -- Of the last attempt that ended.
  request_id uuid,
  started_at timestamptz,
  finished_at timestamptz,
  duration_ms double precision,
  cpu_ms double precision,
  outcome text check (length(outcome) <= 32),
  error text check (length(error) <= 2000),
  -- An attempt may have run twice: an acknowledgement was lost, or the bus lost it.
  redelivered boolean not null default false,
  -- However often clocks are set: one event for each due time.
  constraint scheduled_events_once unique (cron_id, due_at),
  constraint scheduled_events_skipped check ((state = 'skipped') = (reason is not null))
);
create index scheduled_events_history on scheduled_events (worker_id, id desc);
create index scheduled_events_waiting on scheduled_events (publish_at) where state = 'waiting';
create index scheduled_events_published on scheduled_events (bus_stream, bus_seq) where state = 'published';
create index scheduled_events_open on scheduled_events (cron_id) where state in ('waiting', 'published');

-- Schedulers look at all that is due, whosever it is: nothing but the table's name, once for each transaction.
create function notify_crons() returns trigger language plpgsql as $$
begin
  perform pg_notify('openworkers', '{"table": "crons"}');
  return null;
end $$;

create trigger crons_notify_rows after insert or delete on crons
  for each row execute function notify_crons();
-- A scheduler's own progress (next_due) is no news, and would wake it with each run.
create trigger crons_notify_changes after update on crons for each row
  when (
    (old.paused, old.retries, old.retry_delay_ms, old.late, old.late_cap, old.overlap, old.wall_ms)
    is distinct from (new.paused, new.retries, new.retry_delay_ms, new.late, new.late_cap, new.overlap, new.wall_ms)
  )
  execute function notify_crons();
-- What a scheduler inserts is its own to publish; what anybody else does (`ow crons run`) is to be taken up.
create trigger scheduled_events_notify after insert on scheduled_events for each row
  when (new.state = 'waiting' and new.claimed_by is null) execute function notify_crons();
