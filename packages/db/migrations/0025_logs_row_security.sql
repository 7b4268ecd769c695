-- Records are copied into the days' partitions, which no policy is about and nothing is granted on: the tables themselves are
-- closed to their owner, too, but for its policy.
alter table logs force row level security;
alter table invocations force row level security;
