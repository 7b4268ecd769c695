import { expect, test } from "bun:test";
import { withTestDatabase } from "@openworkers/db/testing";
import { SqlBackend } from "../backend/sql-backend.ts";
import { testFolder } from "../testing/files.ts";
import { collectFiles } from "./files.ts";
import { type Uploaded, uploadFiles } from "./upload.ts";

const { signal } = new AbortController();

test("each content is sent once, a few MiB at a time, and no second time", async () => {
  await using fixture = await withTestDatabase();
  await using backend = new SqlBackend(fixture.database, undefined);
  const large = (byte: number) => new Uint8Array(5 * 2 ** 20).fill(byte);
  await using folder = await testFolder({ a: large(1), b: large(2), c: large(3), "copy-of-a": large(1) });
  const { files } = await collectFiles(folder.path);
  const steps: Uploaded[] = [];
  const sent = await uploadFiles(files, backend, { signal, progress: (done) => steps.push(done) });
  expect(sent).toEqual({ files: 3, bytes: 15 * 2 ** 20 });
  expect(steps.map((step) => step.files)).toEqual([1, 2, 3]);
  expect((await backend.missingAssets(files.map(({ hash }) => hash))).size).toBe(0);
  expect(await uploadFiles(files, backend, { signal })).toEqual({ files: 0, bytes: 0 });
});

test("a file that was changed since it was looked at is not sent under its old hash", async () => {
  await using fixture = await withTestDatabase();
  await using backend = new SqlBackend(fixture.database, undefined);
  await using folder = await testFolder({ "index.html": "before" });
  const { files } = await collectFiles(folder.path);
  await folder.write({ "index.html": "after" });
  const failed = await uploadFiles(files, backend, { signal }).catch((thrown: unknown) => thrown);
  expect(failed).toMatchObject({ code: "CONFLICT", message: expect.stringContaining("/index.html") });
});

test("it ends when it is interrupted", async () => {
  await using fixture = await withTestDatabase();
  await using backend = new SqlBackend(fixture.database, undefined);
  await using folder = await testFolder({ "index.html": "x" });
  const { files } = await collectFiles(folder.path);
  const stop = new AbortController();
  stop.abort(new Error("interrupted"));
  expect(await uploadFiles(files, backend, { signal: stop.signal }).catch(String)).toBe("Error: interrupted");
  expect((await backend.missingAssets(files.map(({ hash }) => hash))).size).toBe(1);
});
