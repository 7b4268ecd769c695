-- The hosts that a version may ask, as its manifest lists them; null: every public host.
alter table worker_versions
  add column egress_allow text[] check (cardinality(egress_allow) <= 256);
