-- As in 0020, but for the pattern that the setting was matched with first: that took as long as all the rest together, for
-- each policy of each statement. What is cast is what Postgate has signed.
create or replace function caller_claims(out user_id uuid, out account_id uuid, out scopes text[], out expires_at timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
  parts text[] := string_to_array(current_setting('openworkers.caller', true), '.');
  signing caller_keys;
begin
  if cardinality(parts) is distinct from 7
    or parts[1] <> pg_backend_pid()::text
    or parts[2] <> (extract(epoch from now()) * 1000000)::bigint::text
    or clock_timestamp() > now() + interval '1 minute' then
    return;
  end if;
  select * into signing from caller_keys;
  -- Compared under the key, so that no time that it takes says how much of a guess is right.
  if sha256(signing.inner_key || convert_to(encode(
      sha256(signing.outer_key || sha256(signing.inner_key || convert_to(array_to_string(parts[1:6], '.'), 'UTF8'))), 'hex'
    ), 'UTF8')) is distinct from sha256(signing.inner_key || convert_to(parts[7], 'UTF8')) then
    return;
  end if;
  user_id := parts[3]::uuid;
  account_id := nullif(parts[4], '')::uuid;
  scopes := string_to_array(parts[5], ',');
  expires_at := to_timestamp(nullif(parts[6], '')::bigint);
end $$;
