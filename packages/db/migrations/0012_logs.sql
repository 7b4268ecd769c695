-- Logs. Partitioned by day in UTC, so that a day is dropped and not deleted; the logs service makes the partitions,
-- ahead of the day or when a late record needs one. No foreign keys: records outlive their worker until their day goes.

-- A stream of the bus that was made anew counts from 1. Its generation goes before: a position is
-- generation * 2^40 + its sequence number, and is greater than all of the streams before it.
create table log_streams (
  -- A position fits a double: 2^53 / 2^40.
  generation integer primary key generated always as identity check (generation between 1 and 8191),
  -- Unix milliseconds, as the bus says it.
  created_ms bigint not null unique
);

-- Batches that are stored, in the transaction that stored them. The day is the one on which the bus got the batch.
create table log_batches (
  day date not null,
  batch_id uuid not null,
  primary key (day, batch_id)
) partition by range (day);

create table logs (
  time timestamptz not null,
  -- Of the batch in the stream, and of the record in the batch: the order in which all readers see records.
  position bigint not null,
  index integer not null,
  worker_id uuid not null,
  version_id uuid not null,
  -- Null for what runs outside a request.
  request_id uuid,
  version integer not null,
  -- Place in `logLevels` of packages/core: 4 is warn, 5 is error.
  level smallint not null,
  worker text not null,
  message text not null,
  exception jsonb
) partition by range (time);

-- A worker's records in order, from any position on: every list, page and resumed stream. A range of time becomes one
-- of positions by `worker_stats`, so that no second index on the time is needed.
create index logs_by_worker on logs (worker_id, position, index);
-- All workers' records in order. Only ever appended to, which costs next to nothing.
create index logs_by_position on logs (position, index);
create index logs_by_request on logs (request_id, position, index) where request_id is not null;
-- What people look for first, and rare enough to be free.
create index logs_of_trouble on logs (worker_id, position, index) where level >= 4;

create table invocations (
  time timestamptz not null,
  position bigint not null,
  index integer not null,
  worker_id uuid not null,
  version_id uuid not null,
  request_id uuid not null,
  version integer not null,
  status integer not null,
  wall_ms double precision not null,
  cpu_ms double precision not null,
  cold_start boolean not null,
  trigger text not null,
  outcome text not null,
  worker text not null,
  method text not null,
  host text not null,
  path text not null,
  event text
) partition by range (time);
create index invocations_by_worker on invocations (worker_id, position, index);
create index invocations_by_position on invocations (position, index);
create index invocations_by_request on invocations (request_id, position, index);
create index invocations_of_trouble on invocations (worker_id, position, index)
  where outcome not in ('ok', 'canceled') or status >= 500;

-- What happened in each minute of each worker, written with the records that say so.
create table worker_stats (
  worker_id uuid not null,
  minute timestamptz not null,
  lines integer not null,
  -- Invocations of every trigger, and those of them that did not end `ok` or `canceled`.
  requests integer not null,
  errors integer not null,
  -- Invocations by outcome.
  outcomes jsonb not null,
  cpu_ms double precision not null,
  wall_ms double precision not null,
  -- Invocations by wall time: packages/logs/src/store/histogram.ts has the buckets' bounds.
  wall_histogram integer[] not null,
  -- Of the minute's records: where to look for a range of time.
  first_position bigint not null,
  last_position bigint not null,
  primary key (worker_id, minute)
) partition by range (minute);
-- For a range of time of all workers. It costs nothing when a minute's row changes, only when it is made.
create index worker_stats_by_minute on worker_stats (minute);

create function add_counts(a integer[], b integer[]) returns integer[]
language sql immutable parallel safe return array(
  select coalesce(x, 0) + coalesce(y, 0) from unnest(a, b) with ordinality as both_of (x, y, place) order by place
);

create function add_outcomes(a jsonb, b jsonb) returns jsonb
language sql immutable parallel safe return (
  select coalesce(jsonb_object_agg(outcome, number), '{}')
  from (
    select outcome, sum(count::bigint) as number
    from (select * from jsonb_each_text(a) union all select * from jsonb_each_text(b)) as both_of (outcome, count)
    group by outcome
  ) as sums
);

-- Days that this worker's records are kept; the platform's own number is the most.
alter table workers add column log_retention_days integer check (log_retention_days between 1 and 3650);

-- Who may read logs over HTTP: one worker's, those of an owner's workers, or everybody's when both are null.
create table log_tokens (
  id uuid primary key,
  -- SHA-256 of the token, which is 256 random bits.
  hash bytea not null unique check (length(hash) = 32),
  worker_id uuid references workers (id) on delete cascade,
  owner_id uuid references users (id) on delete cascade,
  created_by uuid not null references users (id),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  constraint log_tokens_scope check (worker_id is null or owner_id is null)
);
create index log_tokens_by_worker on log_tokens (worker_id) where worker_id is not null;
create index log_tokens_by_expiry on log_tokens (expires_at);
