import { describe, expect, test } from "bun:test";
import type { Platform } from "./platform.ts";

/** Tests of the examples that keep something, which are deployed on the platform by then. */
export function examplesWithBindings(platform: () => Platform): void {
  describe("storage", () => {
    test("puts with metadata, gets by range and condition, and deletes", async () => {
      const put = await platform().fetch("storage", "/dir/ü.txt", {
        method: "PUT",
        body: "0123456789",
        headers: { "content-type": "text/plain", "cache-control": "no-store" },
      });
      expect(await put.text()).toBe("Put dir/%C3%BC.txt successfully!");
      const get = (headers = {}) => platform().fetch("storage", "/dir/ü.txt", { headers });
      const whole = await get();
      const etag = whole.headers.get("etag") ?? "";
      expect([whole.status, whole.headers.get("content-type"), await whole.text()]).toEqual([
        200,
        "text/plain",
        "0123456789",
      ]);
      expect(await (await get({ range: "bytes=2-4" })).text()).toBe("234");
      expect((await get({ "if-none-match": etag })).status).toBe(412);
      expect(await (await get({ "if-match": etag })).text()).toBe("0123456789");
      expect((await platform().fetch("storage", "/dir/ü.txt", { method: "DELETE" })).status).toBe(200);
      expect((await get()).status).toBe(404);
      expect((await platform().fetch("storage", "/x", { method: "POST" })).status).toBe(405);
    });

    test("makes one object of parts that came in requests of their own", async () => {
      const ask = (method: string, query: string, body?: string | Uint8Array) =>
        platform().fetch("storage-multipart", `/big?${query}`, {
          method,
          ...(body === undefined ? {} : { body }),
        });
      const { uploadId } = (await (await ask("POST", "action=mpu-create")).json()) as { uploadId: string };
      const part = async (number: number, body: string | Uint8Array): Promise<unknown> =>
        (await ask("PUT", `action=mpu-uploadpart&uploadId=${uploadId}&partNumber=${number}`, body)).json();
      const first = new Uint8Array(5 * 2 ** 20).fill(7);
      const parts = [await part(1, first), await part(2, "tail")];
      const complete = (id: string) =>
        ask("POST", `action=mpu-complete&uploadId=${id}`, JSON.stringify({ parts }));
      const done = await complete(uploadId);
      expect([done.status, done.headers.get("etag")]).toEqual([200, expect.stringMatching(/-2"$/)]);
      const object = Buffer.from(await (await ask("GET", "action=get")).arrayBuffer());
      expect(object.equals(Buffer.concat([first, Buffer.from("tail")]))).toBe(true);
      const again = await complete(uploadId);
      expect([again.status, await again.text()]).toEqual([
        400,
        "completeMultipartUpload: The specified multipart upload does not exist. (10024)",
      ]);
    });
  });

  describe("kv", () => {
    test("runs Cloudflare's first example", async () => {
      expect(await (await platform().fetch("kv", "/")).text()).toBe("disabled");
    });

    test("keeps notes with their types, lists them page by page, and forgets them", async () => {
      const put = (key: string, body: string | Uint8Array, type: string) =>
        platform().fetch("kv", `/notes/${key}`, { method: "PUT", body, headers: { "content-type": type } });
      const large = crypto.getRandomValues(new Uint8Array(60_000));
      const image = new Uint8Array(Array.from({ length: 40 }, () => [...large]).flat());
      await put("note:a", "hello", "text/plain");
      await put("note:b", image, "image/png");
      await put("note:c%2Fd", "{}", "application/json");
      const found = await platform().fetch("kv", "/notes/note:b");
      expect(found.headers.get("content-type")).toBe("image/png");
      expect(Buffer.compare(Buffer.from(await found.arrayBuffer()), image)).toBe(0);
      const list = async (cursor: string) =>
        (await (await platform().fetch("kv", `/notes?prefix=note:${cursor}`)).json()) as {
          keys: { name: string }[];
          cursor?: string;
        };
      const first = await list("");
      const second = await list(`&cursor=${first.cursor}`);
      expect([...first.keys, ...second.keys].map(({ name }) => name)).toEqual([
        "note:a",
        "note:b",
        "note:c/d",
      ]);
      expect(second.cursor).toBeUndefined();
      await platform().fetch("kv", "/notes/note:a", { method: "DELETE" });
      expect((await platform().fetch("kv", "/notes/note:a")).status).toBe(404);
    });

    test("knows its version", async () => {
      const version: unknown = await (await platform().fetch("kv", "/version")).json();
      const { id, tag, timestamp } = version as Record<"id" | "tag" | "timestamp", string>;
      expect([id, tag]).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), ""]);
      expect(Date.parse(timestamp)).toBeLessThanOrEqual(Date.now());
    });
  });

  test("cache answers from its cache until it is told to forget", async () => {
    const first = await (await platform().fetch("cache", "/a")).text();
    // What `waitUntil` stores may come after the answer.
    let second = "";
    let hit = false;
    while (!hit) {
      const response = await platform().fetch("cache", "/a");
      second = await response.text();
      hit = response.headers.get("cf-cache-status") === "HIT";
    }
    expect(first).not.toBe("");
    expect(await (await platform().fetch("cache", "/a")).text()).toBe(second);
    expect((await platform().fetch("cache", "/a", { headers: { "if-none-match": '"v1"' } })).status).toBe(
      304,
    );
    expect(await (await platform().fetch("cache", "/b")).text()).not.toBe(second);
    expect(await (await platform().fetch("cache", "/a", { method: "DELETE" })).json()).toEqual({
      deleted: true,
    });
  });

  test("rate-limit lets three requests of each path through", async () => {
    const statuses = async (path: string) => {
      const found = [];
      for (let call = 0; call < 5; call++) found.push((await platform().fetch("rate-limit", path)).status);
      return found;
    };
    expect(await statuses("/a")).toEqual([200, 200, 200, 429, 429]);
    expect(await statuses("/b")).toEqual([200, 200, 200, 429, 429]);
  });

  describe("scheduled", () => {
    const run = async (cron: string) => {
      expect(await platform().ow("crons", "run", "scheduled", cron, "--wait")).toMatchObject({ code: 0 });
    };
    const runs = async () => (await platform().fetch("scheduled", "/")).json() as Promise<{ due: string }[]>;

    test("notes each of its runs, and keeps those of the day", async () => {
      await run("*/5 * * * *");
      const noted = await runs();
      expect(noted.length).toBeGreaterThan(0);
      for (const { due } of noted) expect(new Date(due).toISOString()).toBe(due);
      await run("30 3 * * *");
      expect((await runs()).length).toBeGreaterThanOrEqual(noted.length);
    });
  });
}
