-- What is due is looked for queue by queue: one with a hundred thousand messages that find no room must not stand
-- before the others', nor be read again every second.
create index queue_delays_by_queue on queue_delays (queue_id, due_at);
