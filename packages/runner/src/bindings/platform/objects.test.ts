import { afterAll, beforeAll, describe, expect, setSystemTime, test } from "bun:test";
import type { FixedLengthStream as WorkerStream } from "@cloudflare/workers-types";
import { type BucketId, newId } from "@openworkers/core";
import { SecretKeys } from "@openworkers/db";
import { temporaryDirectory } from "@openworkers/db/testing";
import { resultOf } from "../testing/binding-cells.ts";
import { SignedTokens } from "./signed-token.ts";
import { type PlatformRig, platformRig, type TestPerson } from "./testing/platform-rig.ts";

// The runtime's own: what runs inside a cell is only text here.
declare const FixedLengthStream: typeof WorkerStream;

let rig: PlatformRig;
let ada: TestPerson;
let eve: TestPerson;
beforeAll(async () => {
  rig = await platformRig();
  ada = await rig.person("ada");
  eve = await rig.person("eve");
}, 60_000);
afterAll(() => rig[Symbol.asyncDispose]());

const put = (path: string, by: TestPerson | string | undefined, text: string, headers = {}) =>
  rig.ask(path, by, {
    method: "PUT",
    body: text,
    headers: { "content-length": `${Buffer.byteLength(text)}`, ...headers },
  });
const objects = ({ bucketId }: { bucketId: BucketId }) => `/buckets/${bucketId}/objects`;

async function codeOf(response: Response): Promise<[number, string]> {
  return [response.status, ((await response.json()) as { code: string }).code];
}

describe("a bucket's objects", () => {
  test("are written, read in part, described, listed and deleted by their owner", async () => {
    const base = objects(ada);
    const written = await put(`${base}/docs%2Fa.txt`, ada, "hello world", {
      "content-type": "text/plain",
      "ow-custom-metadata": JSON.stringify({ by: "ada" }),
    });
    expect(await written.json()).toMatchObject({
      key: "docs/a.txt",
      size: 11,
      customMetadata: { by: "ada" },
    });
    const whole = await rig.ask(`${base}/docs/a.txt`, ada);
    expect([await whole.text(), whole.headers.get("content-type")]).toEqual(["hello world", "text/plain"]);
    const part = await rig.ask(`${base}/docs%2Fa.txt`, ada, { headers: { range: "bytes=6-" } });
    expect([part.status, await part.text(), part.headers.get("content-range")]).toEqual([
      206,
      "world",
      "bytes 6-10/11",
    ]);
    const head = await rig.ask(`${base}/docs%2Fa.txt`, ada, { method: "HEAD" });
    expect([head.headers.get("content-length"), head.headers.get("ow-custom-metadata")]).toEqual([
      "11",
      '{"by":"ada"}',
    ]);
    const etag = whole.headers.get("etag") ?? "";
    expect((await rig.ask(`${base}/docs%2Fa.txt`, ada, { headers: { "if-none-match": etag } })).status).toBe(
      304,
    );
    expect(await codeOf(await put(`${base}/docs%2Fa.txt`, ada, "x", { "if-match": '"other"' }))).toEqual([
      412,
      "CONFLICT",
    ]);
    await put(`${base}/docs%2Fb.txt`, ada, "b");
    await put(`${base}/top`, ada, "t");
    const grouped = await (await rig.ask(`${base}?delimiter=/`, ada)).json();
    expect(grouped).toMatchObject({ items: [{ key: "top" }], prefixes: ["docs/"], nextCursor: null });
    const first = (await (await rig.ask(`${base}?limit=1`, ada)).json()) as { nextCursor: string };
    expect(first).toMatchObject({ items: [{ key: "docs/a.txt" }] });
    expect(await (await rig.ask(`${base}?limit=1&cursor=${first.nextCursor}`, ada)).json()).toMatchObject({
      items: [{ key: "docs/b.txt" }],
    });
    expect((await rig.ask(`${base}/top`, ada, { method: "DELETE" })).status).toBe(204);
    expect(await codeOf(await rig.ask(`${base}/top`, ada))).toEqual([404, "NOT_FOUND"]);
  });

  test("keep their bytes and their length on the way through a cell, both ways", async () => {
    const inside = async (
      { PLATFORM }: { PLATFORM: { fetch: typeof fetch } },
      request: Request,
    ): Promise<unknown> => {
      const [path, credential] = JSON.parse(request.headers.get("x-test") ?? "");
      const authorization = `Bearer ${credential}`;
      const size = 3 * 2 ** 20 + 7;
      const { readable, writable } = new FixedLengthStream(size);
      const writer = writable.getWriter();
      const writing = (async () => {
        for (let sent = 0; sent < size; sent += 65_536)
          await writer.write(new Uint8Array(Math.min(65_536, size - sent)).fill(sent / 65_536));
        await writer.close();
      })();
      const written = await PLATFORM.fetch(`http://platform${path}`, {
        method: "PUT",
        body: readable as never,
        headers: { authorization },
      });
      await writing;
      const read = await PLATFORM.fetch(`http://platform${path}`, { headers: { authorization } });
      const length = read.headers.get("content-length");
      const bytes = new Uint8Array(await read.arrayBuffer());
      return [written.status, length, bytes.length, bytes[65_536 * 3], bytes[65_536 * 48]];
    };
    await using cell = await rig.start(inside as never);
    const answer = await cell.fetch("/", {
      headers: { "x-test": JSON.stringify([`${objects(ada)}/large`, ada.credential]) },
    });
    const size = 3 * 2 ** 20 + 7;
    expect(await resultOf(answer)).toEqual([200, `${size}`, size, 3, 48]);
  });

  test("run as nobody's page when a browser shows them", async () => {
    await put(`${objects(ada)}/page.html`, ada, "<script>alert(1)</script>", {
      "content-type": "text/html",
      "content-disposition": "inline",
    });
    const { headers } = await rig.ask(`${objects(ada)}/page.html`, ada);
    expect(headers.get("content-security-policy")).toContain("sandbox");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("content-disposition")).toBe("attachment");
  });

  test("are nothing that is there, to somebody else and to nobody", async () => {
    const base = objects(ada);
    await put(`${base}/secret`, ada, "secret");
    for (const [method, path] of [
      ["GET", base],
      ["GET", `${base}/secret`],
      ["HEAD", `${base}/secret`],
      ["PUT", `${base}/secret`],
      ["DELETE", `${base}/secret`],
      ["POST", `/buckets/${ada.bucketId}/signed`],
    ] as const) {
      const body =
        method === "POST"
          ? JSON.stringify({ key: "secret", method: "GET", expiresInSeconds: 60 })
          : method === "PUT"
            ? "mine"
            : null;
      const init = { method, body, headers: body === null ? {} : { "content-length": `${body.length}` } };
      const theirs = await rig.ask(path, eve, init);
      const missing = await rig.ask(path.replace(ada.bucketId, newId()), eve, init);
      expect([method, theirs.status, await theirs.text()]).toEqual([
        method,
        404,
        await missing.text(),
      ] as never);
      for (const credential of [undefined, "ow_nonsense", ""]) {
        expect([method, (await rig.ask(path, credential, init)).status]).toEqual([method, 401]);
      }
    }
    expect(await (await rig.ask(`${base}/secret`, ada)).text()).toBe("secret");
  });

  test("are as far in reach as the credential's scopes say", async () => {
    await put(`${objects(ada)}/scoped`, ada, "here");
    const reads = rig.credential(ada, ["storage:read"]);
    const other = rig.credential(ada, ["kv:read", "kv:write"]);
    expect((await rig.ask(`${objects(ada)}/scoped`, reads)).status).toBe(200);
    expect(await codeOf(await put(`${objects(ada)}/scoped`, reads, "x"))).toEqual([403, "FORBIDDEN"]);
    expect(await codeOf(await rig.ask(`${objects(ada)}/scoped`, reads, { method: "DELETE" }))).toEqual([
      403,
      "FORBIDDEN",
    ]);
    const sign = { method: "POST", body: '{"key":"scoped","method":"PUT","expiresInSeconds":60}' };
    expect(await codeOf(await rig.ask(`/buckets/${ada.bucketId}/signed`, reads, sign))).toEqual([
      403,
      "FORBIDDEN",
    ]);
    expect(await codeOf(await rig.ask(`${objects(ada)}/scoped`, other))).toEqual([404, "NOT_FOUND"]);
  });

  test("are never reached by a path that leads out of a bucket", async () => {
    await put(`${objects(ada)}/target`, ada, "ada's");
    const own = `/buckets/${eve.bucketId}/objects`;
    for (const trick of [
      `../../${ada.bucketId}/objects/target`,
      `%2e%2e/%2e%2e/${ada.bucketId}/objects/target`,
      `..%2f..%2f${ada.bucketId}%2fobjects%2ftarget`,
      `%2e%2e%2f%2e%2e%2f${ada.bucketId}/objects/target`,
      `//${ada.bucketId}/objects/target`,
      `..\\..\\${ada.bucketId}\\objects\\target`,
    ]) {
      expect([trick, await (await rig.ask(`${own}/${trick}`, eve)).text()]).not.toEqual([trick, "ada's"]);
      await rig.ask(`${own}/${trick}`, eve, { method: "DELETE" });
      await put(`${own}/${trick}`, eve, "eve's");
    }
    expect(await (await rig.ask(`${objects(ada)}/target`, ada)).text()).toBe("ada's");
    expect(await codeOf(await rig.ask(`${own}/%ff`, eve))).toEqual([400, "INVALID_INPUT"]);
    expect(await codeOf(await rig.ask(`${own}/a%00b`, eve))).toEqual([400, "INVALID_INPUT"]);
    expect(await codeOf(await rig.ask(`${own}/${"k".repeat(1_025)}`, eve))).toEqual([400, "INVALID_INPUT"]);
  });

  test("may be called what no path can hold", async () => {
    for (const key of ["..", ".", "a/../b", "a//b", "?#%", "ключ", "key with spaces"]) {
      const path = `${objects(ada)}/?key=${encodeURIComponent(key)}`;
      expect([key, (await put(path, ada, key)).status]).toEqual([key, 200]);
      expect(await (await rig.ask(path, ada)).text()).toBe(key);
      expect(
        (await (await rig.ask(`${objects(ada)}?prefix=${encodeURIComponent(key)}`, ada)).json()) as object,
      ).toMatchObject({ items: expect.arrayContaining([expect.objectContaining({ key })]) });
    }
  });
});

describe("a signed address", () => {
  async function signed(key: string, method: "GET" | "PUT", expiresInSeconds = 60): Promise<string> {
    const body = JSON.stringify({ key, method, expiresInSeconds });
    const answer = await rig.ask(`/buckets/${ada.bucketId}/signed`, ada, { method: "POST", body });
    return ((await answer.json()) as { token: string }).token;
  }

  test("lets whoever has it read or write that object, and no more", async () => {
    await put(`${objects(ada)}/shared`, ada, "shared");
    await put(`${objects(ada)}/other`, ada, "other");
    const read = await signed("shared", "GET");
    expect(await (await rig.ask(`/signed/${read}`, undefined)).text()).toBe("shared");
    expect(await codeOf(await put(`/signed/${read}`, undefined, "x"))).toEqual([401, "UNAUTHORIZED"]);
    const write = await signed("uploaded", "PUT");
    expect((await put(`/signed/${write}`, undefined, "from outside")).status).toBe(200);
    expect(await codeOf(await rig.ask(`/signed/${write}`, undefined))).toEqual([401, "UNAUTHORIZED"]);
    expect(await (await rig.ask(`${objects(ada)}/uploaded`, ada)).text()).toBe("from outside");
    // What else a request says of bucket and key counts for nothing.
    expect(await (await rig.ask(`/signed/${read}?key=other`, undefined)).text()).toBe("shared");
    expect((await rig.ask(`/signed/${read}`, undefined, { method: "DELETE" })).status).toBe(404);
  });

  test("is good until it expires", async () => {
    const token = await signed("shared", "GET", 60);
    try {
      setSystemTime(Date.now() + 61_000);
      expect(await codeOf(await rig.ask(`/signed/${token}`, undefined))).toEqual([401, "UNAUTHORIZED"]);
    } finally {
      setSystemTime();
    }
    expect((await rig.ask(`/signed/${token}`, undefined)).status).toBe(200);
    for (const expiresInSeconds of [0, -1, 604_801, 1.5, "60"]) {
      const body = JSON.stringify({ key: "shared", method: "GET", expiresInSeconds });
      const answer = await rig.ask(`/buckets/${ada.bucketId}/signed`, ada, { method: "POST", body });
      expect([expiresInSeconds, ...(await codeOf(answer))]).toEqual([expiresInSeconds, 400, "INVALID_INPUT"]);
    }
  });

  test("cannot be made or changed without the platform's key", async () => {
    const token = await signed("shared", "GET");
    const [id = "", payload = "", mac = ""] = token.split(".");
    const grant = JSON.parse(Buffer.from(payload, "base64url").toString());
    const forge = (change: object) =>
      Buffer.from(JSON.stringify({ ...grant, ...change })).toString("base64url");
    const elsewhere = await SecretKeys.load({ directory: temporaryDirectory() });
    const others = await new SignedTokens(elsewhere).sign({ ...grant, key: "other" });
    const [othersId, othersPayload, othersMac] = others.split(".");
    const flipped = `${mac.startsWith("A") ? "B" : "A"}${mac.slice(1)}`;
    for (const forged of [
      `${id}.${forge({ key: "other" })}.${mac}`,
      `${id}.${forge({ bucketId: eve.bucketId })}.${mac}`,
      `${id}.${forge({ method: "PUT" })}.${mac}`,
      `${id}.${forge({ expiresAt: grant.expiresAt + 1 })}.${mac}`,
      `${id}.${payload}.${flipped}`,
      `${id}.${payload}.`,
      `${id}.${payload}`,
      `${id}.${payload}.${mac}.x`,
      `.${payload}.${mac}`,
      others,
      `${id}.${othersPayload}.${othersMac}`,
      `${othersId}.${payload}.${mac}`,
      "x",
    ]) {
      expect([forged, ...(await codeOf(await rig.ask(`/signed/${forged}`, undefined)))]).toEqual([
        forged,
        401,
        "UNAUTHORIZED",
      ]);
    }
    expect(new Set([id, othersId]).size).toBe(2);
  });

  test("is understood by every process with the same keys, and after these were changed", async () => {
    const grant = { bucketId: ada.bucketId, key: "k", method: "GET", expiresAt: 2 ** 40 } as const;
    const directory = temporaryDirectory();
    const keys = await SecretKeys.load({ directory });
    const token = await new SignedTokens(keys).sign(grant);
    await keys.add();
    const again = new SignedTokens(await SecretKeys.load({ directory }));
    expect(await again.verify(token, "GET")).toEqual(grant);
    expect(await again.verify(await again.sign(grant), "GET")).toEqual(grant);
    expect((await again.sign(grant)).split(".")[0]).not.toBe(token.split(".")[0]);
  });
});
