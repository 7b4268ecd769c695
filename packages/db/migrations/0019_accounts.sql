-- People, organisations and how they sign in. Policies that stand on these are in 0020.

alter table users
  add column kind text not null default 'person' check (kind in ('person', 'organisation', 'system')),
  -- As people want to be called; the name is for addresses and commands.
  add column display_name text check (length(display_name) between 1 and 100);
update users set kind = 'system' where name = 'operator';

create table members (
  organisation_id uuid not null references users (id) on delete cascade,
  user_id uuid not null references users (id) on delete cascade,
  role text not null check (role in ('owner', 'admin', 'developer', 'viewer')),
  created_at timestamptz not null default now(),
  primary key (organisation_id, user_id)
);
create index members_by_user on members (user_id);

create function check_member() returns trigger language plpgsql as $$
begin
  if not exists (select from users where id = new.organisation_id and kind = 'organisation')
    or not exists (select from users where id = new.user_id and kind = 'person') then
    raise exception 'only a person is a member, of an organisation' using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger members_of_kind before insert or update on members for each row execute function check_member();

-- An organisation without an owner could never be given one.
create function check_last_owner() returns trigger language plpgsql as $$
begin
  -- Two owners who leave at once would each see the other.
  perform from users where id = old.organisation_id for update;
  if found and not exists (select from members where organisation_id = old.organisation_id and role = 'owner') then
    raise exception 'an organisation keeps an owner'
      using errcode = 'check_violation', constraint = 'members_keep_an_owner';
  end if;
  return null;
end $$;
create constraint trigger members_keep_an_owner after update or delete on members
  deferrable initially deferred for each row when (old.role = 'owner') execute function check_last_owner();

create table invitations (
  id uuid primary key,
  organisation_id uuid not null references users (id) on delete cascade,
  email text not null check (email = lower(email) and length(email) between 3 and 254),
  role text not null check (role in ('admin', 'developer', 'viewer')),
  -- SHA-256 of what the link holds, which is 256 random bits.
  hash bytea not null unique check (length(hash) = 32),
  invited_by uuid not null references users (id) on delete cascade,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  unique (organisation_id, email)
);

create table api_keys (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  -- The only account that it acts for; every one of the user's when null.
  account_id uuid references users (id) on delete cascade,
  name text not null check (length(name) between 1 and 100),
  -- What is shown of it: its first characters.
  prefix text not null check (length(prefix) between 4 and 16),
  -- SHA-256 of the key, which is 256 random bits.
  hash bytea not null unique check (length(hash) = 32),
  -- `workers:read`, `kv:write`, `*` …
  scopes text[] not null check (cardinality(scopes) between 1 and 64),
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  unique (user_id, name)
);

-- What a request with an `Idempotency-Key` was answered, so that the same again makes nothing twice.
create table idempotency_keys (
  user_id uuid not null references users (id) on delete cascade,
  key text not null check (length(key) between 1 and 255),
  -- SHA-256 of method, path and body: the same key with another request is a mistake.
  request_hash bytea not null check (length(request_hash) = 32),
  status integer not null,
  body text not null,
  created_at timestamptz not null default now(),
  primary key (user_id, key)
);
create index idempotency_keys_by_age on idempotency_keys (created_at);

-- Sign-in: better-auth's tables under names and types of ours. `ow_identity` has this schema and nothing else.
create schema identity;

create table identity.users (
  id uuid primary key references public.users (id) on delete cascade,
  -- As people want to be called.
  name text not null check (length(name) between 1 and 100),
  email text not null unique check (email = lower(email) and length(email) between 3 and 254),
  email_verified boolean not null default false,
  image text,
  two_factor_enabled boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table identity.sessions (
  id uuid primary key,
  user_id uuid not null references identity.users (id) on delete cascade,
  -- Hex of the SHA-256 of what the client holds, which is 256 random bits.
  token text not null unique check (token ~ '^[0-9a-f]{64}$'),
  expires_at timestamptz not null,
  ip_address text,
  user_agent text check (length(user_agent) <= 512),
  -- When the person signed in: what asks for a fresh sign-in looks here.
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- To the minute.
  last_seen_at timestamptz not null default now()
);
create index sessions_by_user on identity.sessions (user_id);
create index sessions_by_expiry on identity.sessions (expires_at);

create table identity.accounts (
  id uuid primary key,
  user_id uuid not null references identity.users (id) on delete cascade,
  -- `credential` for a password.
  provider_id text not null,
  account_id text not null,
  password text,
  scope text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (provider_id, account_id)
);
create index accounts_by_user on identity.accounts (user_id);

create table identity.verifications (
  id uuid primary key,
  -- Hashed, for it holds what a link lets in by.
  identifier text not null,
  value text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index verifications_by_identifier on identity.verifications (identifier);
create index verifications_by_expiry on identity.verifications (expires_at);

create table identity.two_factors (
  id uuid primary key,
  user_id uuid not null unique references identity.users (id) on delete cascade,
  -- Both encrypted with the identity worker's own key.
  secret text not null,
  backup_codes text not null,
  -- False until a first code has shown that an authenticator has the secret.
  verified boolean not null default false,
  failed_verification_count integer not null default 0,
  locked_until timestamptz
);

-- Codes of authenticators that were used: one lets in once.
create table identity.used_codes (
  user_id uuid not null references identity.users (id) on delete cascade,
  code text not null,
  used_at timestamptz not null default now(),
  primary key (user_id, code)
);

-- Attempts, by address or account: packages/api/src/identity.
create table identity.rate_limits (
  key text primary key,
  count integer not null,
  ends_at timestamptz not null
);
create index rate_limits_by_end on identity.rate_limits (ends_at);

-- One-time links that make an operator of whoever signs up with them.
create table identity.setup_links (
  -- SHA-256 of what the link holds, which is 256 random bits.
  hash bytea primary key check (length(hash) = 32),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

-- Mail to be sent, in the transaction that wants it sent: packages/scheduler sends it.
create table identity.mails (
  id uuid primary key,
  recipient text not null check (length(recipient) between 3 and 254),
  template text not null check (
    template in ('reset-password', 'verify-email', 'invitation', 'password-changed', 'already-registered')
  ),
  -- Sealed, for it holds links that let in; forgotten when it has been sent.
  sealed bytea,
  key_id text references public.sealing_keys (id),
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  failure text,
  check ((sealed is null) = (sent_at is not null)),
  check ((key_id is null) = (sealed is null))
);
create index mails_waiting on identity.mails (next_attempt_at) where sent_at is null;

-- Everything that `ow_identity` may do beyond its own schema. Each checks what it is given by itself: the worker
-- that calls it reads what strangers send.

-- A person is a row of public.users as well, under a name that is made of the e-mail's local part.
create function identity.create_person() returns trigger
  language plpgsql security definer set search_path = '' as $$
declare
  base text := pg_catalog.left(
    pg_catalog.regexp_replace(
      pg_catalog.regexp_replace(pg_catalog.lower(pg_catalog.split_part(new.email, '@', 1)), '[^a-z0-9._+-]+', '-', 'g'),
      '^[^a-z0-9]+', ''),
    60);
  candidate text;
begin
  if base = '' then
    base := 'user';
  end if;
  for attempt in 1..1000 loop
    candidate := case attempt when 1 then base else base || '-' || attempt::text end;
    -- Names of the platform's own users, which may be made later.
    continue when candidate in ('operator', 'openworkers', 'admin', 'system');
    insert into public.users (id, name, kind, display_name) values (new.id, candidate, 'person', new.name)
      on conflict (name) do nothing;
    if found then
      return new;
    end if;
  end loop;
  raise exception 'no free name for %', base using errcode = 'unique_violation';
end $$;
create trigger users_are_people before insert on identity.users
  for each row execute function identity.create_person();

create function identity.rename_person() returns trigger
  language plpgsql security definer set search_path = '' as $$
begin
  update public.users set display_name = new.name where id = new.id;
  return null;
end $$;
create trigger users_rename_people after update of name on identity.users
  for each row when (old.name is distinct from new.name) execute function identity.rename_person();

-- What of a person is kept outside of this schema.
create function identity.person(person_id uuid) returns table (name text, is_operator boolean)
  language sql stable security definer set search_path = '' as $$
  select u.name, u.is_operator from public.users u
  where u.id = person_id and u.kind = 'person'
$$;

-- Uses up a setup link, and all others with it, and makes the person an operator. False when it is none, or expired.
create function identity.claim_setup_link(link_hash bytea, person_id uuid) returns boolean
  language plpgsql security definer set search_path = '' as $$
begin
  -- Two links at once would wait for one another.
  lock table identity.setup_links in share row exclusive mode;
  perform from identity.setup_links where hash = link_hash and expires_at > pg_catalog.now();
  if not found then
    return false;
  end if;
  delete from identity.setup_links;
  update public.users set is_operator = true where id = person_id and kind = 'person';
  return found;
end $$;

-- Whom an invitation is for, by the hash of its token.
create function identity.invitation(invitation_hash bytea)
  returns table (email text, organisation text)
  language sql stable security definer set search_path = '' as $$
  select i.email, u.name from public.invitations i join public.users u on u.id = i.organisation_id
  where i.hash = invitation_hash and i.expires_at > pg_catalog.now()
$$;

-- Makes the person whose e-mail it was sent to a member. False when there is no such invitation for this person.
create function identity.accept_invitation(invitation_hash bytea, person_id uuid) returns boolean
  language plpgsql security definer set search_path = '' as $$
declare
  invitation public.invitations;
begin
  delete from public.invitations i using identity.users u
    where i.hash = invitation_hash and i.expires_at > pg_catalog.now()
      and u.id = person_id and u.email = i.email and u.email_verified
    returning i.* into invitation;
  if not found then
    return false;
  end if;
  insert into public.members (organisation_id, user_id, role)
    values (invitation.organisation_id, person_id, invitation.role)
    on conflict (organisation_id, user_id) do nothing;
  return true;
end $$;

-- Who did what to their own account; nothing else can be written.
create function identity.write_audit(person_id uuid, action text, details jsonb) returns void
  language plpgsql security definer set search_path = '' as $$
begin
  if action !~ '^(account|session|password|two_factor|email|github|invitation)\.[a-z_]+$' then
    raise exception 'not an action of sign-in: %', action using errcode = 'check_violation';
  end if;
  insert into public.audit_log (user_id, action, subject, details)
    select u.id, write_audit.action, u.name, write_audit.details
    from public.users u where u.id = person_id and u.kind = 'person';
end $$;

-- Notes that a session was used, at most once a minute, and lets it live on: 30 days from its last use, to the day.
create function identity.touch_session(session_id uuid) returns void
  language sql security definer set search_path = '' as $$
  update identity.sessions
    set last_seen_at = now(),
      expires_at = case when expires_at < now() + interval '29 days' then now() + interval '30 days' else expires_at end
    where id = session_id and expires_at > now() and last_seen_at < now() - interval '1 minute'
$$;

revoke execute on all functions in schema identity from public;
