-- What the worker that signs people in may do, but for rows that it only adds or uses up through functions: it reads what
-- strangers send.

-- What a mail is sealed for.
create function identity.active_sealing_key() returns table (id text, public_key bytea)
  language sql stable security definer set search_path = '' as $$
  select k.id, k.public_key from public.sealing_keys k where k.retired_at is null
$$;
revoke execute on function identity.active_sealing_key() from public;

grant execute on all functions in schema identity to ow_identity;
revoke all on identity.mails, identity.setup_links from ow_identity;
grant insert on identity.mails to ow_identity;
