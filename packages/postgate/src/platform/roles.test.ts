import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { newId, type UserId } from "@openworkers/core";
import {
  createResource,
  deleteResource,
  deleteWorker,
  deployVersion,
  listAudit,
  listResources,
  listWorkers,
  type StoreDatabase,
} from "@openworkers/db";
import { sql } from "kysely";
import { callerMay } from "./caller.ts";
import { apiKey, organisation, type Person, person, rejection, sha256, signIn } from "./testing/people.ts";
import { TestPlatform } from "./testing/platform.ts";

let platform: TestPlatform;
let people: Record<"owner" | "admin" | "developer" | "viewer", Person>;
let acme: UserId;
let count = 0;

beforeAll(async () => {
  platform = await TestPlatform.start();
  const { database } = platform;
  people = {
    owner: await person(database, "owner"),
    admin: await person(database, "admin"),
    developer: await person(database, "developer"),
    viewer: await person(database, "viewer"),
  };
  acme = await organisation(
    database,
    "acme",
    Object.entries(people).map(([role, someone]) => [someone, role as keyof typeof people] as const),
  );
});
afterAll(() => platform[Symbol.asyncDispose]());

const code = {
  compatibilityDate: "2026-01-01",
  compatibilityFlags: [],
  modules: [
    { name: "index.js", type: "esModule" as const, content: new TextEncoder().encode("export default 1") },
  ],
  sourceMaps: new Map<string, Uint8Array>(),
};

const deploy = (database: StoreDatabase, by: UserId, worker: string, owner?: UserId) =>
  deployVersion(database, { worker, by, code, ...(owner === undefined ? {} : { owner }) });

/** How many rows a statement of somebody's changed or showed, or the SQLSTATE of its failure. */
async function deed(credential: string, text: string, ...values: unknown[]): Promise<number | string | null> {
  const client = await platform.open.connect({ key: credential });
  try {
    const { rowCount } = await client.query(text, values);
    await client.query("commit");
    return rowCount;
  } catch (thrown) {
    return String((thrown as { code?: unknown }).code);
  } finally {
    await client.end();
  }
}

describe("in an organisation", () => {
  test("everybody reads, developers deploy, admins delete", async () => {
    const { database, open, bob } = platform;
    const worker = `acme-${++count}`;
    await deploy(database, people.owner.id, worker, acme);
    for (const role of ["viewer", "developer", "admin", "owner"] as const) {
      const { id, key } = people[role];
      const theirs = open.as({ key });
      expect([role, (await listWorkers(theirs)).map(({ name }) => name)]).toEqual([role, [worker]]);
      const deployed = await deploy(theirs, id, worker).catch((thrown) => thrown.code);
      expect([role, deployed === "FORBIDDEN"]).toEqual([role, role === "viewer"]);
      const another = `acme-${++count}`;
      const made = await deploy(theirs, id, another, acme).catch((thrown) => thrown.code);
      expect([role, made === "FORBIDDEN"]).toEqual([role, role === "viewer"]);
      // Past the stores' own checks.
      const removed = await deed(key, "delete from workers where name = $1", another);
      expect([role, removed]).toEqual([role, { viewer: 0, developer: "42501", admin: 1, owner: 1 }[role]]);
      await sql`delete from workers where name = ${another}`.execute(database.kysely);
    }
    expect(await listWorkers(open.as(bob))).toEqual([]);
    await deleteWorker(open.as(people.admin), { worker, by: people.admin.id });
  });

  test("a viewer changes nothing, whatever is sent", async () => {
    const { database } = platform;
    const worker = `acme-${++count}`;
    await deploy(database, people.owner.id, worker, acme);
    const { key } = people.viewer;
    expect(await deed(key, "select from workers")).toBeGreaterThan(0);
    expect(await deed(key, "update workers set limits = '{\"cpuMs\": 1}'")).toBe("42501");
    expect(await deed(key, "select from workers where name = $1 for update", worker)).toBe(1);
    expect(
      await deed(key, "insert into kv_namespaces (id, owner_id, name) values ($1, $2, 'x')", newId(), acme),
    ).toBe("42501");
    expect(await deed(key, "delete from workers")).toBe("42501");
    expect(await deed(key, "delete from version_bindings")).toBe(0);
    await sql`delete from workers where name = ${worker}`.execute(database.kysely);
  });

  test("admins manage members, and owners alone manage owners", async () => {
    const { database, bob } = platform;
    const set = (by: Person, who: Person, role: string) =>
      deed(by.key, "update members set role = $1 where user_id = $2", role, who.id);
    expect(await set(people.developer, people.viewer, "admin")).toBe(0);
    expect(await set(people.developer, people.developer, "admin")).toBe(0);
    expect(await set(people.admin, people.admin, "owner")).toBe("42501");
    expect(await set(people.admin, people.viewer, "owner")).toBe("42501");
    expect(await set(people.admin, people.owner, "viewer")).toBe(0);
    expect(await set(people.admin, people.viewer, "developer")).toBe(1);
    expect(await set(people.admin, people.viewer, "viewer")).toBe(1);
    expect(await set(people.owner, people.viewer, "owner")).toBe(1);
    expect(await set(people.owner, people.viewer, "viewer")).toBe(1);
    // The last owner.
    expect(await set(people.owner, people.owner, "admin")).toBe("23514");
    expect(await deed(bob.key, "select from members")).toBe(0);
    expect(await deed(people.viewer.key, "select from members")).toBe(4);
    expect(await deed(people.admin.key, "delete from members where role = 'owner'")).toBe(0);
    expect(
      await deed(people.developer.key, "delete from members where user_id <> $1", people.developer.id),
    ).toBe(0);
    const leaver = await person(database, "leaver");
    await sql`insert into members values (${acme}, ${leaver.id}, 'viewer')`.execute(database.kysely);
    expect(await deed(leaver.key, "delete from members")).toBe(1);
    // Whoever has left has a name still.
    expect(await deed(people.viewer.key, "select from users where id = $1", leaver.id)).toBe(1);
    expect(await deed(leaver.key, "select from users where id = $1", people.viewer.id)).toBe(0);
  });

  test("an invitation is an admin's to give, and its holder's to take, once", async () => {
    const invite = (by: Person, role: string, hash: Buffer) =>
      deed(
        by.key,
        `insert into invitations (id, organisation_id, email, role, hash, invited_by, expires_at)
          values ($1, $2, $3, $4, $5, $6, now() + interval '1 day')`,
        newId(),
        acme,
        `guest${++count}@example.com`,
        role,
        hash,
        by.id,
      );
    expect(await invite(people.developer, "viewer", sha256("1"))).toBe("42501");
    expect(await invite(people.admin, "owner", sha256("2"))).toBe("23514");
    expect(await invite(people.admin, "viewer", sha256("link"))).toBe(1);
    expect(await deed(people.developer.key, "select id from invitations")).toBe(0);
    const guest = await person(platform.database, "guest");
    const accept = "select 1 from accept_invitation($1) as organisation where organisation is not null";
    expect(await deed(guest.key, accept, sha256("another"))).toBe(0);
    expect(await deed(guest.key, accept, sha256("link"))).toBe(1);
    expect(await deed(guest.key, accept, sha256("link"))).toBe(0);
    expect(
      await deed(guest.key, "select from members where user_id = $1 and role = 'viewer'", guest.id),
    ).toBe(1);
    await sql`delete from members where user_id = ${guest.id}`.execute(platform.database.kysely);
  });

  test("the audit log is its admins', and one's own deeds", async () => {
    const { database, open } = platform;
    const worker = `acme-${++count}`;
    await deploy(open.as(people.developer), people.developer.id, worker, acme);
    const subjects = async (who: Person) =>
      (await listAudit(open.as(who), { subject: worker })).map(({ action }) => action);
    expect(await subjects(people.admin)).toEqual(["worker.deploy", "worker.create"]);
    expect(await subjects(people.developer)).toEqual(["worker.deploy", "worker.create"]);
    expect(await subjects(people.viewer)).toEqual([]);
    await sql`delete from workers where name = ${worker}`.execute(database.kysely);
  });

  test("is made by whoever likes, and deleted by an owner", async () => {
    const { ann } = platform;
    const id = newId();
    expect(await deed(ann.key, "select create_organisation($1, 'anns-org', 'Ann''s')", id)).toBe(1);
    expect(await deed(ann.key, "select from members where organisation_id = $1 and role = 'owner'", id)).toBe(
      1,
    );
    expect(await deed(people.admin.key, "delete from users where id = $1", acme)).toBe(0);
    expect(await deed(people.admin.key, "delete from users where id = $1", people.viewer.id)).toBe(0);
    expect(await deed(ann.key, "delete from users where id = $1", ann.id)).toBe(0);
    expect(await deed(ann.key, "delete from users where id = $1", id)).toBe(1);
  });
});

test("an operator may all", async () => {
  const { database, open, ann } = platform;
  const root = await person(database, "root");
  await sql`update users set is_operator = true where id = ${root.id}`.execute(database.kysely);
  await deploy(open.as(ann), ann.id, "anns");
  expect((await listWorkers(open.as(root))).map(({ name }) => name)).toContain("anns");
  await deploy(open.as(root), root.id, "anns");
  await deleteWorker(open.as(root), { worker: "anns", by: root.id });
});

describe("a key", () => {
  test("lets do what its scopes say", async () => {
    const { database, open, ann } = platform;
    const as = async (...scopes: string[]) => ({ key: await apiKey(database, ann, { scopes }) });
    await deploy(database, ann.id, "scoped");
    await createResource(database, "kv", { name: "scoped", by: ann.id });
    expect(await listWorkers(open.as(await as("kv:read")))).toEqual([]);
    expect(await listWorkers(open.as(await as("workers:read")))).toHaveLength(1);
    expect(await listResources(open.as(await as("workers:read", "domains:read")), "kv")).toEqual([]);
    for (const scopes of [["workers:read"], ["workers:delete"], ["kv:write"]]) {
      expect(await rejection(deploy(open.as(await as(...scopes)), ann.id, "scoped-2"))).toMatchObject({
        code: "FORBIDDEN",
      });
    }
    await deploy(open.as(await as("workers:write")), ann.id, "scoped");
    expect(await deed((await as("workers:write")).key, "delete from workers")).toBe("42501");
    expect(await deed((await as("kv:read")).key, "select key from kv_entries for update")).toBe(0);
    // What is bound is given away: that takes the right to write it.
    const bind = (key: { key: string }) =>
      deployVersion(open.as(key), {
        worker: "scoped",
        by: ann.id,
        code,
        wanted: new Map([["KV", { kind: "kv", namespace: "scoped" }]]),
      });
    expect(await rejection(bind(await as("workers:write", "kv:read")))).toMatchObject({ code: "FORBIDDEN" });
    await bind(await as("workers:write", "kv:write"));
    await deleteWorker(open.as(await as("workers:delete")), { worker: "scoped", by: ann.id });
    await deleteResource(open.as(await as("kv:delete")), "kv", { nameOrId: "scoped", by: ann.id });
  });

  test("for one account reaches no other", async () => {
    const { database, open } = platform;
    const { owner } = people;
    await deploy(database, owner.id, "own-of-owner");
    await deploy(database, owner.id, "acme-only", acme);
    const key = await apiKey(database, owner, { account: acme });
    expect((await listWorkers(open.as({ key }))).map(({ name }) => name)).toContain("acme-only");
    expect((await listWorkers(open.as({ key }))).map(({ owner }) => owner)).not.toContain("owner");
    expect(
      await deed(
        key,
        "insert into workers (id, name, owner_id) values ($1, 'another', $2)",
        newId(),
        owner.id,
      ),
    ).toBe("42501");
    expect(await deed(key, "select create_organisation($1, 'more', 'More')", newId())).toBe("42501");
  });

  test("makes no key that can more, for longer or in another account", async () => {
    const { database } = platform;
    const { owner } = people;
    const make = (
      credential: string,
      scopes: string[],
      account: UserId | null = null,
      days: number | null = null,
    ) =>
      deed(
        credential,
        `insert into api_keys (id, user_id, account_id, name, prefix, hash, scopes, expires_at)
          values ($1, $2, $3, $4, 'ow_made', sha256($5), $6, now() + $7 * interval '1 day')`,
        newId(),
        owner.id,
        account,
        `made ${++count}`,
        Buffer.from(`made ${count}`),
        scopes,
        days,
      );
    const weak = await apiKey(database, owner, { scopes: ["keys:write", "workers:write"] });
    expect(await make(weak, ["workers:write"])).toBe(1);
    expect(await make(weak, ["workers:read"])).toBe(1);
    expect(await make(weak, ["workers:delete"])).toBe("42501");
    expect(await make(weak, ["workers:write", "kv:read"])).toBe("42501");
    expect(await make(weak, ["*"])).toBe("42501");
    expect(await make(await apiKey(database, owner, { scopes: ["workers:write"] }), ["workers:write"])).toBe(
      "42501",
    );
    const bound = await apiKey(database, owner, { account: acme });
    expect(await make(bound, ["*"])).toBe("42501");
    expect(await make(bound, ["*"], owner.id)).toBe("42501");
    expect(await make(bound, ["*"], acme)).toBe(1);
    const expiresAt = new Date(Date.now() + 2 * 86_400_000);
    const short = await apiKey(database, owner, { expiresAt });
    expect(await make(short, ["*"])).toBe("42501");
    expect(await make(short, ["*"], null, 3)).toBe("42501");
    expect(await make(short, ["*"], null, 1)).toBe(1);
    expect(await make(await signIn(database, owner), ["*"])).toBe(1);
    expect(await make(owner.key, ["workers:own"])).toBe("23514");
    expect(await make(owner.key, ["*"], platform.bob.id)).toBe("42501");
  });
});

test("what policies say is said outside of SQL as well", async () => {
  const { database } = platform;
  const { viewer, admin } = people;
  const may = (
    { id }: Person,
    action: "read" | "write" | "delete",
    scopes = ["*"],
    accountId: UserId | null = null,
  ) => callerMay(database, { userId: id, accountId, scopes }, { owner: acme, resource: "storage", action });
  expect([await may(viewer, "read"), await may(viewer, "write")]).toEqual([true, false]);
  expect([await may(admin, "delete"), await may(admin, "delete", ["storage:write"])]).toEqual([true, false]);
  expect(await may(admin, "read", ["*"], admin.id)).toBe(false);
  expect(await may(platform.bob, "read")).toBe(false);
});
