import { expect, test } from "bun:test";
import { connect, type Database, migrate, socketUrl } from "@openworkers/db";
import { sql } from "kysely";
import { type TestServer, testServers } from "../testing/mod.ts";
import { PlatformFace } from "./platform-face.ts";
import { OpenFace } from "./testing/open-face.ts";
import { person, rejection } from "./testing/people.ts";

/** A database of a role's own, not migrated. */
async function databaseOf(server: TestServer, admin: Database, role: string): Promise<Database> {
  await sql.raw(`create role ${role} login password '${role}'`).execute(admin.kysely);
  await sql.raw(`create database ${role} owner ${role}`).execute(admin.kysely);
  const { host, port } = server.address;
  return connect(socketUrl({ host, port, database: role, user: role, password: role }), { max: 4 });
}

for (const [name, start] of testServers) {
  test(`on ${name}, who may not make roles is told what a superuser is to run, and two platforms share a server`, async () => {
    await using server = await start();
    await using admin = connect(server.url, { max: 2 });
    await using one = await databaseOf(server, admin, "platform_one");
    const refused = await rejection(migrate(one));
    expect(refused).toMatchObject({ code: "FORBIDDEN" });
    const { hint = "" } = refused as { hint?: string };
    const [, statements = ""] = /^As a superuser, run once: (.*)$/.exec(hint) ?? [];
    expect(statements).toContain("create role ow_api");
    await sql.raw(statements).execute(admin.kysely);
    await migrate(one);
    await using two = await databaseOf(server, admin, "platform_two");
    await migrate(two);
    await using faceOne = await OpenFace.open(one);
    const ann = await person(one, "ann");
    const who = async (face: OpenFace, key: string) => {
      const client = await face.connect({ key });
      const { rows } = await client.query("select caller_id() as id, current_user as role");
      await client.end();
      return rows[0];
    };
    const { id, role } = await who(faceOne, ann.key);
    expect(id).toBe(ann.id);
    await using faceTwo = await OpenFace.open(two);
    const bob = await person(two, "bob");
    // The second may not make roles, and what is told helps.
    expect(await rejection(who(faceTwo, bob.key))).toBeInstanceOf(Error);
    const told = /run once: (.*;)"/.exec(faceTwo.reports.join());
    await sql.raw(told?.[1] ?? "").execute(admin.kysely);
    const other = await who(faceTwo, bob.key);
    expect(other.id).toBe(bob.id);
    expect(other.role).not.toBe(role);
    // A credential of one is nobody's on the other.
    expect(await rejection(who(faceTwo, ann.key))).toMatchObject({ code: "28P01" });
  }, 60_000);

  test(`on ${name}, platforms that migrate at once both have their roles, and so have runners that start at once`, async () => {
    await using server = await start();
    await using admin = connect(server.url, { max: 4 });
    const { host, port } = server.address;
    await sql.raw("create role owner_of_all login superuser password 'owner'").execute(admin.kysely);
    const names = ["first", "second", "third"];
    for (const database of names)
      await sql.raw(`create database ${database} owner owner_of_all`).execute(admin.kysely);
    const databases = names.map((database) =>
      connect(socketUrl({ host, port, database, user: "owner_of_all", password: "owner" }), { max: 4 }),
    );
    await Promise.all(databases.map((database) => migrate(database)));
    const [database] = databases;
    if (database === undefined) throw new Error("there is no database");
    const ann = await person(database, "ann");
    const faces = await Promise.all(Array.from({ length: 4 }, () => OpenFace.open(database)));
    await Promise.all(
      faces.map(async (face) => {
        const client = await face.connect(ann);
        expect((await client.query("select caller_id() as id")).rows[0]?.id).toBe(ann.id);
        await client.end();
      }),
    );
    for (const face of faces) await face[Symbol.asyncDispose]();
    for (const each of databases) await each[Symbol.asyncDispose]();
  }, 60_000);
}

test("a face without its tables does not open", async () => {
  const [[, start] = []] = testServers;
  if (start === undefined) throw new Error("there is no server");
  await using server = await start();
  await using database = connect(server.url, { max: 2 });
  expect(await rejection(PlatformFace.open({ database, report() {} }))).toBeInstanceOf(Error);
});
