import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { BucketId } from "@openworkers/core";
import { connect, deployVersion, ensureOperator } from "@openworkers/db";
import { hookMs, sharedPlatform } from "../testing/shared-platform.ts";

const { home } = sharedPlatform();

let bucket: { readonly id: string; readonly name: string };
beforeAll(async () => {
  bucket = await home.json("storage", "create", "files");
}, hookMs);

describe("objects", () => {
  test("go in from a file or a pipe, and come out as they were", async () => {
    const path = join(home.folder.path, "logo.png");
    const bytes = new Uint8Array([0, 255, 254, 10, 13, 128]);
    await Bun.write(path, bytes);
    expect(
      await home.json(
        "storage",
        "put",
        "files",
        "img/logo.png",
        path,
        "--metadata",
        "a=b=c",
        "--metadata",
        "d=",
      ),
    ).toMatchObject({
      key: "img/logo.png",
      size: 6,
      http: { contentType: "image/png" },
      custom: { a: "b=c", d: "" },
    });
    const out = join(home.folder.path, "out.png");
    await home.json("storage", "get", bucket.id, "img/logo.png", "--out", out);
    expect(await Bun.file(out).bytes()).toEqual(bytes);
    const piped = await home.ow(["storage", "put", "files", "note.txt"], { stdin: "from a pipe" });
    expect([piped.code, piped.stdout]).toEqual([0, "Put note.txt into files: 11 B\n"]);
    expect((await home.ow(["storage", "get", "files", "note.txt"])).stdout).toBe("from a pipe");
  });

  test("go in from no file that is not there, and the error says what to do", async () => {
    const { code, stdout, stderr } = await home.ow(["storage", "put", "files", "gone.png", "./gone.png"]);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("There is no file ./gone.png.");
    expect(stderr).toContain(
      "next: Name one that is there, or pipe the content: ow storage put files gone.png < FILE",
    );
    expect((await home.ow(["storage", "get", "files", "gone.png"])).code).toBe(1);
  });

  test("longer than memory should hold go in as several parts", async () => {
    const path = join(home.folder.path, "big");
    const bytes = Buffer.alloc(37_000_000, "0123456789abcdef!");
    await Bun.write(path, bytes);
    expect(await home.json("storage", "put", "files", "big", path)).toMatchObject({
      size: 37_000_000,
      etag: expect.stringMatching(/-3$/),
    });
    await home.json("storage", "get", "files", "big", "--out", `${path}.back`);
    expect(bytes.equals(await Bun.file(`${path}.back`).bytes())).toBe(true);
    await home.json("storage", "delete", "files", "big");
  });

  test("are listed by prefix, in groups and up to a limit", async () => {
    const keys = async (...args: string[]) => {
      const list = await home.json<{ objects: { key: string }[]; prefixes: string[]; complete: boolean }>(
        ...["storage", "list", "files", ...args],
      );
      return [list.objects.map(({ key }) => key), list.prefixes, list.complete];
    };
    expect(await keys()).toEqual([["img/logo.png", "note.txt"], [], true]);
    expect(await keys("--prefix", "img/")).toEqual([["img/logo.png"], [], true]);
    expect(await keys("--delimiter", "/")).toEqual([["note.txt"], ["img/"], true]);
    expect(await keys("--limit", "1")).toEqual([["img/logo.png"], [], false]);
  });

  test("and buckets that are not there are an error with the next step", async () => {
    const object = await home.ow(["storage", "get", "files", "nothing"]);
    expect([object.code, object.stderr]).toEqual([1, expect.stringContaining("ow storage list files")]);
    const none = await home.ow(["storage", "list", "nowhere"]);
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("ow storage create nowhere")]);
  });
});

describe("a bucket", () => {
  test("says where it is", async () => {
    await home.json("storage", "create", "unused");
    const buckets = await home.json<{ name: string; backend?: string }[]>("storage", "buckets");
    expect(buckets.map(({ name, backend }) => [name, backend])).toEqual([
      ["files", "database"],
      ["unused", undefined],
    ]);
  });

  test("is deleted when it is empty, or with --yes, and not while a worker binds it", async () => {
    const full = await home.ow(["storage", "delete-bucket", "files"]);
    expect([full.code, full.stderr]).toEqual([
      1,
      expect.stringContaining("ow storage delete-bucket files --yes"),
    ]);
    await home.json("storage", "delete-bucket", "unused");
    const { databaseUrl } = await home.profile();
    await using database = connect(databaseUrl);
    const { id: by } = await ensureOperator(database);
    await deployVersion(database, {
      worker: "binds-it",
      by,
      code: {
        modules: [{ name: "index.js", type: "esModule", content: Buffer.from("export default {}") }],
        compatibilityDate: "2026-11-01",
        compatibilityFlags: [],
        sourceMaps: new Map(),
      },
      bindings: new Map([["FILES", { kind: "storage", bucketId: bucket.id as BucketId }]]),
    });
    const bound = await home.ow(["storage", "delete-bucket", "files", "--yes"]);
    expect([bound.code, bound.stderr]).toEqual([1, expect.stringContaining("binds-it (as FILES)")]);
    expect((await home.ow(["storage", "get", "files", "note.txt"])).stdout).toBe("from a pipe");
    await home.json("delete", "binds-it", "--yes");
    await home.json("storage", "delete-bucket", "files", "--yes");
    expect(await home.json<unknown[]>("storage", "buckets")).toEqual([]);
  });

  test("on a server of one's own takes its keys from standard input, and shows them nowhere", async () => {
    const args = ["storage", "create", "own", "--s3", "http://127.0.0.1:9", "--s3-bucket", "there", "--json"];
    const without = await home.ow(args);
    expect([without.code, without.stdout]).toEqual([2, expect.stringContaining("standard input")]);
    const made = await home.ow(args, { stdin: "the-id\nthe-secret\n" });
    expect([made.code, JSON.parse(made.stdout)]).toEqual([0, expect.objectContaining({ backend: "own-s3" })]);
    const list = await home.ow(["storage", "list", "own"]);
    // The guard of outbound connections: a user's server is not this machine.
    expect([list.code, list.stderr]).toEqual([1, expect.stringContaining("does not connect")]);
    const said =
      made.stdout + made.stderr + list.stderr + (await home.ow(["storage", "buckets", "--json"])).stdout;
    expect(said).not.toMatch(/the-id|the-secret/);
    expect(await home.json("secret", "rotate-key")).toMatchObject({ values: 1 });
    await home.json("storage", "delete-bucket", "own");
  });

  test("is not made with an address that is none", async () => {
    const wrong = await home.ow(["storage", "create", "own", "--s3", "s3.example.com"], { stdin: "a\nb\n" });
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining("is no address of an S3 server")]);
  });
});
