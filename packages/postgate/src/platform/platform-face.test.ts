import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { deployVersion, listWorkers } from "@openworkers/db";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { sql } from "kysely";
import { serialize } from "pg-protocol";
import { RawClient } from "../wire/testing/raw-client.ts";
import { OpenFace } from "./testing/open-face.ts";
import { type Person, person, rejection, signIn } from "./testing/people.ts";

let fixture: TestDatabase;
let open: OpenFace;
let ann: Person;
let bob: Person;

beforeAll(async () => {
  fixture = await withTestDatabase();
  open = await OpenFace.open(fixture.database);
  ann = await person(fixture.database, "ann");
  bob = await person(fixture.database, "bob");
});
afterAll(async () => {
  await open[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});

const code = (text: string) => ({
  compatibilityDate: "2026-01-01",
  compatibilityFlags: [],
  modules: [{ name: "index.js", type: "esModule" as const, content: new TextEncoder().encode(text) }],
  sourceMaps: new Map(),
});

test("a caller deploys, and sees what is theirs and nothing else", async () => {
  await deployVersion(open.as(ann), { worker: "anns", by: ann.id, code: code("export default 1") });
  await deployVersion(open.as(bob), { worker: "bobs", by: bob.id, code: code("export default 1") });
  expect((await listWorkers(open.as(ann))).map(({ name }) => name)).toEqual(["anns"]);
  const token = await signIn(fixture.database, bob);
  expect((await listWorkers(open.as({ key: token }))).map(({ name }) => name)).toEqual(["bobs"]);
  const refused = await rejection(
    deployVersion(open.as(bob), { worker: "anns", by: bob.id, code: code("export default 2") }),
  );
  expect(refused).toMatchObject({ code: "CONFLICT" });
});

test("a sign-in lives on from its use", async () => {
  const token = await signIn(fixture.database, ann);
  const times = async () => {
    const { rows } = await fixture.database.read((queries) =>
      sql<{ days: number; seen: number }>`
        select round(extract(epoch from expires_at - now()) / 86400)::integer as days,
          round(extract(epoch from now() - last_seen_at) / 3600)::integer as seen
        from identity.sessions where token = encode(sha256(${token}::text::bytea), 'hex')`.execute(queries),
    );
    return rows;
  };
  await fixture.database.read((queries) =>
    sql`update identity.sessions set last_seen_at = now() - interval '5 hours', expires_at = now() + interval '3 days'
      where user_id = ${ann.id}`.execute(queries),
  );
  expect(await times()).toEqual([{ days: 3, seen: 5 }]);
  await listWorkers(open.as({ key: token }));
  expect(await times()).toEqual([{ days: 30, seen: 0 }]);
});

test("a session is one transaction", async () => {
  const client = await open.connect(ann);
  expect((await client.query("select caller_id() as id")).rows).toEqual([{ id: ann.id }]);
  await client.query("commit");
  expect(await rejection(client.query("select 1"))).toMatchObject({ code: "25P01" });
  await client.end();
});

test("who says everything at once is answered to the end, and seen off", async () => {
  const { host } = open.place("api");
  using client = await RawClient.connect({ unix: join(host, ".s.PGSQL.5432") });
  client.send(
    Buffer.concat([
      serialize.startup({ user: "caller", database: "platform" }),
      serialize.password(ann.key),
      serialize.query("begin isolation level repeatable read read only"),
      serialize.query(
        "select current_setting('transaction_read_only') || pg_sleep(0.2) || caller_id() as answer",
      ),
      serialize.end(),
    ]),
  );
  await client.closed;
  const letters: string[] = [];
  for (let at = 0; at < client.received.length; at += 1 + client.received.readUInt32BE(at + 1))
    letters.push(String.fromCharCode(client.received[at] ?? 0));
  expect(letters.filter((letter) => letter !== "S").join("")).toBe("RRKZ" + "CZ" + "TDCZ");
  const text = client.received.toString("latin1");
  expect(text).toContain(`openworkers.caller\0${ann.id}\0`);
  expect(text).toContain(`on${ann.id}`);
});
