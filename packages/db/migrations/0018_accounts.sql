-- People, organisations and how they sign in. Policies that stand on these are in 0019.

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

-- Sign-in: better-auth's tables under names and types of ours. `ow_identity` has these and nothing else.
create schema identity;

create table identity.users (
  id uuid primary key references public.users (id) on delete cascade,
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
  -- Hex of the SHA-256 of what the client holds.
  token text not null unique,
  expires_at timestamptz not null,
  ip_address text,
  user_agent text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index sessions_by_user on identity.sessions (user_id);

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
  identifier text not null,
  value text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index verifications_by_identifier on identity.verifications (identifier);

create table identity.two_factors (
  id uuid primary key,
  user_id uuid not null unique references identity.users (id) on delete cascade,
  -- Encrypted with the identity worker's own key.
  secret text not null,
  backup_codes text not null,
  created_at timestamptz not null default now()
);

-- Attempts, by address or account: packages/api/src/identity.
create table identity.rate_limits (
  key text primary key,
  count integer not null,
  last_request bigint not null
);

-- One-time links that make the first admin.
create table identity.setup_links (
  hash bytea primary key check (length(hash) = 32),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);

-- Mail to be sent, in the transaction that wants it sent: packages/scheduler sends it.
create table identity.mails (
  id uuid primary key,
  recipient text not null,
  template text not null check (template in ('reset-password', 'verify-email', 'invitation', 'password-changed')),
  -- Sealed, for it holds links that let in.
  sealed bytea not null,
  key_id text not null references public.sealing_keys (id),
  created_at timestamptz not null default now(),
  sent_at timestamptz,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  failure text
);
create index mails_waiting on identity.mails (next_attempt_at) where sent_at is null;
