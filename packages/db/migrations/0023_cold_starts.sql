-- Of the minute's invocations those that a cell was started for.
alter table worker_stats add column cold_starts integer not null default 0;
