import { describe, expect, test } from "bun:test";
import type { AssetSettings } from "@openworkers/core";
import { sql } from "kysely";
import {
  type DeployAssets,
  loadAssets,
  missingAssets,
  readBlob,
  sweepUploads,
  uploadAssets,
} from "./assets.ts";
import { hashOf } from "./blobs.ts";
import { codeOf, count, platform, rejection } from "./testing/fixtures.ts";
import { deleteWorker } from "./workers.ts";

const settings: AssetSettings = {
  htmlHandling: "auto-trailing-slash",
  notFoundHandling: "none",
  runWorkerFirst: false,
  only: false,
  headers: [],
  redirects: [],
};

/** Files of these texts by their paths, with their contents by hash. */
function site(texts: Record<string, string>): { assets: DeployAssets; contents: Map<string, Uint8Array> } {
  const files = Object.entries(texts).map(([path, text]) => ({
    path,
    content: Buffer.from(text),
    hash: hashOf(Buffer.from(text)),
  }));
  return {
    contents: new Map(files.map(({ hash, content }) => [hash, content])),
    assets: {
      settings,
      files: files.map(({ path, hash, content }) => ({
        path,
        hash,
        size: content.length,
        contentType: "text/plain",
      })),
    },
  };
}

test("a version has the files that it was deployed with, and the one before it has its own", async () => {
  await using fixture = await platform();
  const { database, ada } = fixture;
  const one = site({ "/a.txt": "one", "/same.txt": "same" });
  await uploadAssets(database, ada, one.contents);
  const first = await fixture.deploy("hello", { assets: one.assets });
  const two = site({ "/a.txt": "two", "/same.txt": "same" });
  expect(await missingAssets(database, ada, [...two.contents.keys()])).toEqual(
    new Set([hashOf(Buffer.from("two"))]),
  );
  await uploadAssets(database, ada, two.contents);
  const second = await fixture.deploy("hello", { assets: two.assets });
  expect((await loadAssets(database, first.versionId))?.files).toEqual(one.assets.files);
  expect((await loadAssets(database, second.versionId))?.files).toEqual(two.assets.files);
  expect(await loadAssets(database, (await fixture.deploy("hello")).versionId)).toBeUndefined();
});

test("a content is read in pieces", async () => {
  await using fixture = await platform();
  const content = crypto.getRandomValues(new Uint8Array(50_000));
  const hash = hashOf(content);
  await uploadAssets(fixture.database, fixture.ada, new Map([[hash, content]]));
  const pieces = [
    await readBlob(fixture.database, hash, 0, 30_000),
    await readBlob(fixture.database, hash, 30_000, 30_000),
  ];
  expect(pieces.map(({ length }) => length)).toEqual([30_000, 20_000]);
  expect(Buffer.concat(pieces).equals(content)).toBe(true);
  expect(await rejection(readBlob(fixture.database, "0".repeat(64), 0, 1))).toMatchObject({
    code: "NOT_FOUND",
  });
});

describe("a deploy is refused", () => {
  test("with contents that were not sent, and nothing has changed", async () => {
    await using fixture = await platform();
    const { assets, contents } = site({ "/a.txt": "one" });
    expect(await rejection(fixture.deploy("hello", { assets }))).toMatchObject({
      code: "CONFLICT",
      details: { missing: [...contents.keys()] },
    });
    expect(await count(fixture.database, "workers")).toBe(0);
  });

  test("with the hash of somebody else's file, although the platform has it", async () => {
    await using fixture = await platform();
    const { database, ada, bob } = fixture;
    const { assets, contents } = site({ "/private.txt": "Ada's" });
    await uploadAssets(database, ada, contents);
    await fixture.deploy("hers", { assets });
    const hashes = [...contents.keys()];
    expect(await missingAssets(database, bob, hashes)).toEqual(new Set(hashes));
    expect(await rejection(fixture.deploy("his", { assets, by: bob }))).toMatchObject({ code: "CONFLICT" });
    // Who has the file may send it, and it is stored once.
    await uploadAssets(database, bob, contents);
    await fixture.deploy("his", { assets, by: bob });
    const sizes = await database.read((queries) =>
      queries.selectFrom("blobs").select("hash").where("hash", "in", hashes).execute(),
    );
    expect(sizes).toHaveLength(1);
  });

  test.each([
    ["/../etc/passwd"],
    ["/a/./b"],
    ["a.txt"],
    ["/a//b"],
    ["/a/"],
    ["/a\0b"],
    [`/${"x".repeat(1_024)}`],
  ])("with a file called %p", async (path) => {
    await using fixture = await platform();
    const { assets, contents } = site({ [path]: "x" });
    await uploadAssets(fixture.database, fixture.ada, contents);
    expect(await rejection(fixture.deploy("hello", { assets }))).toMatchObject({ code: "INVALID_INPUT" });
  });

  test.each([
    [{ set: [["x-a", "1\r\nset-cookie: a=b"]], unset: [] }],
    [{ set: [["x-a: 1\r\nx-b", "1"]], unset: [] }],
    [{ set: [["content-length", "0"]], unset: [] }],
    [{ set: [["transfer-encoding", "chunked"]], unset: [] }],
    [{ set: [["x-ow-exception", "1"]], unset: [] }],
    [{ set: [], unset: ["connection"] }],
  ] as [{ set: [string, string][]; unset: string[] }][])("with the header rule %j", async (rule) => {
    await using fixture = await platform();
    const assets = { settings: { ...settings, headers: [{ from: "/*", ...rule }] }, files: [] };
    expect(await rejection(fixture.deploy("hello", { assets }))).toMatchObject({ code: "INVALID_INPUT" });
  });
});

test("the database refuses every change of a version's files", async () => {
  await using fixture = await platform();
  const { assets, contents } = site({ "/a.txt": "one" });
  await uploadAssets(fixture.database, fixture.ada, contents);
  await fixture.deploy("hello", { assets });
  for (const change of [
    "update version_assets set path = '/b.txt'",
    "delete from version_assets",
    "insert into version_assets select version_id, '/b.txt', hash, size, content_type from version_assets",
    "update worker_versions set assets = null",
  ]) {
    const attempt = fixture.database.write((transaction) => sql.raw(change).execute(transaction));
    expect({ change, refused: await rejection(attempt) }).toMatchObject({
      change,
      refused: { code: "23001" },
    });
  }
});

test("contents go with the last worker that has them", async () => {
  await using fixture = await platform();
  const { database, ada } = fixture;
  const { assets, contents } = site({ "/a.txt": "one", "/b.txt": "other" });
  await uploadAssets(database, ada, contents);
  const code = codeOf("same");
  await fixture.deploy("first", { assets, code });
  await fixture.deploy("second", { assets: { ...assets, files: assets.files.slice(0, 1) }, code });
  expect(await deleteWorker(database, { worker: "first", by: ada })).toEqual({ freedBytes: "other".length });
  expect(await deleteWorker(database, { worker: "second", by: ada })).toEqual({
    freedBytes: "onesame".length,
  });
  expect(await count(database, "blobs")).toBe(0);
});

test("what was sent and never deployed is removed after a day, and nothing else is", async () => {
  await using fixture = await platform();
  const { database, ada } = fixture;
  const sent = site({ "/a.txt": "deployed" });
  await uploadAssets(database, ada, sent.contents);
  await fixture.deploy("hello", { assets: sent.assets });
  const old = new Map([[hashOf(Buffer.from("old")), Buffer.from("old")]]);
  const fresh = new Map([[hashOf(Buffer.from("fresh")), Buffer.from("fresh")]]);
  await uploadAssets(database, ada, old);
  await uploadAssets(database, ada, fresh);
  // Sent again, and so deployed and sent at once.
  await uploadAssets(database, ada, sent.contents);
  await database.write((transaction) =>
    transaction
      .updateTable("blob_uploads")
      .set({ uploaded_at: new Date(Date.now() - 25 * 3_600_000) })
      .where("hash", "in", [...old.keys(), ...sent.contents.keys()])
      .execute(),
  );
  expect(await sweepUploads(database)).toBe("old".length);
  expect(
    await missingAssets(database, ada, [...old.keys(), ...fresh.keys(), ...sent.contents.keys()]),
  ).toEqual(new Set(old.keys()));
});

test("a hundred thousand hashes can be asked for", async () => {
  await using fixture = await platform();
  const hashes = Array.from({ length: 100_000 }, (_, index) => index.toString(16).padStart(64, "0"));
  expect((await missingAssets(fixture.database, fixture.ada, hashes)).size).toBe(100_000);
});
