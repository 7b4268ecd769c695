-- That a domain is proven, the platform says, which has looked for its record itself; of callers only operators.
create policy not_proven_yet_still on domains as restrictive for update to ow_api
  using (true) with check (verified_at is null or (select caller_is_operator()));
