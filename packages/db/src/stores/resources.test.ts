import { expect, test } from "bun:test";
import { type Binding, newId } from "@openworkers/core";
import { listAudit } from "./audit.ts";
import { changeValues } from "./environment-values.ts";
import { createEnvironment, ensureWorkerEnvironment } from "./environments.ts";
import {
  createResource,
  deleteResource,
  ensureResource,
  getResource,
  listResources,
  type ResourceKind,
  renameResource,
} from "./resources.ts";
import { platform, rejection } from "./testing/fixtures.ts";

const kinds: readonly ResourceKind[] = ["kv", "storage", "database", "queue"];

function bindingTo(kind: ResourceKind, id: Awaited<ReturnType<typeof createResource>>): Binding {
  if (kind === "database") return { kind, databaseId: id as never };
  if (kind === "queue") return { kind, queueId: id as never };
  return kind === "kv" ? { kind, namespaceId: id as never } : { kind, bucketId: id as never };
}

for (const kind of kinds) {
  test(`${kind}: a name is its owner's own, and another owner may have the same`, async () => {
    await using fixture = await platform();
    const { database, ada, bob } = fixture;
    const one = await createResource(database, kind, { name: "things", by: ada });
    const other = await createResource(database, kind, { name: "things", by: bob });
    expect(one).not.toBe(other);
    const again = createResource(database, kind, { name: "things", by: ada });
    expect(await rejection(again)).toMatchObject({ code: "CONFLICT" });
    expect((await listResources(database, kind)).map(({ name, owner }) => [name, owner]).sort()).toEqual([
      ["things", "ada"],
      ["things", "bob"],
    ]);
    expect((await listResources(database, kind, bob)).map(({ id }) => id)).toEqual([other]);
    expect(await getResource(database, kind, { nameOrId: "things", by: bob })).toMatchObject({ id: other });
    expect((await listAudit(database, { subject: "things" })).map(({ user }) => user).sort()).toEqual([
      "ada",
      "bob",
    ]);
  });

  test(`${kind}: a name that PostgreSQL would refuse is refused before, and the other way round`, async () => {
    await using fixture = await platform();
    const { database, ada } = fixture;
    for (const name of ["", "-a", "a-", "a b", "ä", "a/b", "a".repeat(65), "'; drop table users --"]) {
      const made = createResource(database, kind, { name, by: ada });
      expect(await rejection(made)).toMatchObject({ code: "INVALID_NAME" });
    }
    for (const name of ["abc", "a-b-c", "0".repeat(63)]) {
      expect(await createResource(database, kind, { name, by: ada })).toBeString();
    }
  });

  test(`${kind}: made by many at once it is one, and one of them made it`, async () => {
    await using fixture = await platform();
    const { database, ada } = fixture;
    const all = await Promise.all(
      Array.from({ length: 8 }, () =>
        database.write((transaction) =>
          ensureResource(transaction, kind, { name: "shared", owner: ada, by: ada }),
        ),
      ),
    );
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    expect(all.filter(({ created }) => created)).toHaveLength(1);
  });

  test(`${kind}: somebody else's cannot be found by name, nor renamed, nor deleted; an operator may by id`, async () => {
    await using fixture = await platform();
    const { database, ada, bob, operator } = fixture;
    const id = await createResource(database, kind, { name: "private", by: ada });
    const attacks = [
      (nameOrId: string) => getResource(database, kind, { nameOrId, by: bob }),
      (nameOrId: string) => renameResource(database, kind, { nameOrId, name: "mine", by: bob }),
      (nameOrId: string) => deleteResource(database, kind, { nameOrId, by: bob }),
    ];
    for (const attack of attacks) {
      expect(await rejection(attack("private"))).toMatchObject({ code: "NOT_FOUND" });
      expect(await rejection(attack(id))).toMatchObject({ code: "FORBIDDEN" });
      expect(await rejection(attack(newId()))).toMatchObject({ code: "NOT_FOUND" });
    }
    await renameResource(database, kind, { nameOrId: id, name: "renamed", by: operator });
    expect(await getResource(database, kind, { nameOrId: "renamed", by: ada })).toMatchObject({ id });
    await deleteResource(database, kind, { nameOrId: id, by: operator });
    expect(await listResources(database, kind)).toEqual([]);
  });

  test(`${kind}: a name that looks like another's id does not take its place`, async () => {
    await using fixture = await platform();
    const { database, ada } = fixture;
    const id = await createResource(database, kind, { name: "first", by: ada });
    await createResource(database, kind, { name: id, by: ada });
    expect(await getResource(database, kind, { nameOrId: id, by: ada })).toMatchObject({ name: "first" });
  });

  test(`${kind}: what a live version binds is not deleted, what an old one bound is`, async () => {
    await using fixture = await platform();
    const { database, ada } = fixture;
    const id = await createResource(database, kind, { name: "used", by: ada });
    await fixture.deploy("hello", { bindings: new Map([["IT", bindingTo(kind, id)]]) });
    const remove = () => deleteResource(database, kind, { nameOrId: "used", by: ada });
    expect(await rejection(remove())).toMatchObject({
      code: "CONFLICT",
      details: { users: [{ worker: "hello", binding: "IT" }] },
    });
    await fixture.deploy("hello", { percent: 10 });
    expect(await rejection(remove())).toMatchObject({ code: "CONFLICT" });
    await fixture.deploy("hello");
    await remove();
    expect(await listResources(database, kind)).toEqual([]);
  });
}

test("what an environment binds is not deleted, and the workers that use it are named", async () => {
  await using fixture = await platform();
  const { database, ada } = fixture;
  const id = await createResource(database, "kv", { name: "used", by: ada });
  await fixture.deploy("hello");
  const environmentId = await ensureWorkerEnvironment(database, { worker: "hello", by: ada });
  const unused = await createEnvironment(database, { name: "spare", by: ada });
  await database.read((queries) =>
    queries
      .insertInto("environment_values")
      .values(
        [environmentId, unused].map((environment_id) => ({
          environment_id,
          owner_id: ada,
          name: "IT",
          kind: "kv" as const,
          kv_namespace_id: id,
        })),
      )
      .execute(),
  );
  const remove = () => deleteResource(database, "kv", { nameOrId: "used", by: ada });
  expect(await rejection(remove())).toMatchObject({
    code: "CONFLICT",
    details: {
      users: [
        { worker: "environment spare", binding: "IT" },
        { worker: "hello", binding: "IT" },
      ],
    },
  });
  await changeValues(database, { environmentId, unset: ["IT"], by: ada });
  await changeValues(database, { environmentId: unused, unset: ["IT"], by: ada });
  await remove();
});
