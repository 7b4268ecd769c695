import { afterAll, beforeAll, expect, test } from "bun:test";
import { sql } from "kysely";
import { type TestDatabase, withTestDatabase } from "./testing.ts";

let fixture: TestDatabase;
beforeAll(async () => {
  fixture = await withTestDatabase();
});
afterAll(() => fixture[Symbol.asyncDispose]());

// What a migration forgets is open to the API, or misleads a trigger: these look at whatever there is.
const ours = sql`('public'::regnamespace, 'identity'::regnamespace)`;

async function names(query: ReturnType<typeof sql<{ name: string }>>): Promise<string[]> {
  return (await query.execute(fixture.database.kysely)).rows.map(({ name }) => name);
}

test("row-level security is forced on every table, and lets the platform go on", async () => {
  const open = await names(sql`
    select oid::regclass::text as name from pg_class
    where relnamespace in ${ours} and relkind in ('r', 'p') and not relispartition and not (
      relrowsecurity and relforcerowsecurity and exists (
        select from pg_policy where polrelid = pg_class.oid and polname = 'of_the_platform' and polroles = array[relowner]
      )
    )`);
  expect(open).toEqual([]);
});

test("every table that the API has grants on has a policy for it", async () => {
  const bare = await names(sql`
    select oid::regclass::text as name from pg_class
    where relnamespace in ${ours} and relkind in ('r', 'p') and has_any_column_privilege('ow_api', oid, 'select, insert, update')
      and not exists (select from pg_policy where polrelid = pg_class.oid and 'ow_api'::regrole = any (polroles))`);
  expect(bare).toEqual([]);
  const others = await names(sql`
    select oid::regclass::text as name from pg_class
    where relnamespace in ${ours} and relkind in ('r', 'p', 'v', 'm') and has_any_column_privilege('ow_identity', oid, 'select, insert, update')
      and relnamespace <> 'identity'::regnamespace`);
  expect(others).toEqual([]);
});

test("nothing that opens something is granted to the API", async () => {
  const granted = await names(sql`
    select attrelid::regclass || '.' || attname as name from pg_attribute join pg_class on pg_class.oid = attrelid
    where relnamespace in ${ours} and relkind in ('r', 'p') and attnum > 0 and not attisdropped
      and attname ~ '(sealed|hash|password|token|secret|key)$' and has_column_privilege('ow_api', attrelid, attnum, 'select')
    order by 1`);
  expect(granted).toEqual([
    // Of contents, which are their names; and the keys of entries, objects and requests.
    "blob_uploads.hash",
    "blobs.hash",
    // What its owner is to publish in DNS.
    "domains.verification_token",
    "idempotency_keys.key",
    "idempotency_keys.request_hash",
    "kv_entries.key",
    "sealing_keys.public_key",
    "storage_objects.key",
    "storage_uploads.key",
    "version_assets.hash",
    "version_modules.hash",
    "version_source_maps.hash",
  ]);
});

test("a function that sees more than its caller looks where it means to, and nobody may call it who need not", async () => {
  const misled = await names(sql`
    select oid::regprocedure::text as name from pg_proc
    where pronamespace in ${ours} and (prosecdef or prorettype = 'trigger'::regtype)
      and not (prosecdef and exists (
        select from unnest(proconfig) as setting where setting in ('search_path=pg_catalog, public, pg_temp', 'search_path=""')
      ))`);
  expect(misled).toEqual([]);
  const anybodys = await names(sql`
    select oid::regprocedure::text as name from pg_proc
    where pronamespace in ${ours} and exists (
      select from aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee = 0 and privilege_type = 'EXECUTE'
    )`);
  expect(anybodys).toEqual([]);
});
