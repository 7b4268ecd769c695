import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Platform, startPlatform } from "./platform.ts";
import { Wrangler } from "./wrangler.ts";

// Each command is a process of its own that takes seconds to start.
setDefaultTimeout(240_000);

const source = `
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    console.log("seen", pathname);
    if (pathname === "/kv") return new Response(await env.CACHE.get("key"));
    if (pathname === "/r2") {
      await env.FILES.put("name", "an object");
      return new Response(await (await env.FILES.get("name")).text());
    }
    if (pathname === "/d1") return Response.json((await env.DB.prepare("select a from t").all()).results);
    return Response.json({ greeting: env.GREETING, settings: env.SETTINGS, secret: env.TOKEN });
  },
  async scheduled() {},
};
`;

let platform: Platform;
let folder: string;
let wrangler: Wrangler;
let ids: { kv: string; database: string };
let caller: { token: string; account: string };

const api = async (path: string, token: string | undefined, body?: unknown) => {
  const response = await platform.fetch("api", path, {
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  });
  return { status: response.status, body: (await response.json()) as unknown };
};

beforeAll(async () => {
  platform = await startPlatform({ api: true });
  folder = join(platform.directory, "project");
  await mkdir(join(folder, "public"), { recursive: true });
  await Bun.write(join(folder, "index.js"), source);
  await Bun.write(join(folder, "public/page.html"), "<h1>a file</h1>");
  const { setupUrl } = z.object({ setupUrl: z.string() }).parse(platform.ready.api);
  const made = await api("/v1/auth/setup?token=true", undefined, {
    email: "ada@example.com",
    password: "correct horse battery",
    token: new URL(setupUrl).searchParams.get("token"),
  });
  const { user, token } = z
    .object({ user: z.object({ id: z.string() }), token: z.string() })
    .parse(made.body);
  const key = await api("/v1/keys", token, { name: "wrangler", scopes: ["*"] });
  caller = { token: z.object({ key: z.string() }).parse(key.body).key, account: user.id };
  wrangler = await Wrangler.in(folder, platform, caller);
}, 240_000);
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
});

function manifest(greeting: string): Promise<number> {
  const written = {
    name: "shop",
    main: "index.js",
    compatibility_date: "2026-04-01",
    vars: { GREETING: greeting, SETTINGS: { depth: [1] } },
    kv_namespaces: [{ binding: "CACHE", id: ids.kv }],
    r2_buckets: [{ binding: "FILES", bucket_name: "files" }],
    d1_databases: [{ binding: "DB", database_name: "main", database_id: ids.database }],
    assets: { directory: "public", binding: "ASSETS" },
    triggers: { crons: ["7 4 * * *"] },
  };
  return Bun.write(join(folder, "wrangler.json"), JSON.stringify(written));
}

const shop = async (path = "/") => (await platform.fetch("shop", path)).text();
const greeting = async () => JSON.parse(await shop()) as unknown;
const listOf = (text: string, key: string) => {
  const list = z.array(z.record(z.string(), z.unknown())).parse(JSON.parse(text));
  return list.map((item) => item[key]);
};

test("wrangler sees who it is, and makes a namespace, a bucket and a database", async () => {
  expect(await wrangler.ok(["whoami"])).toContain(caller.account);
  const uuid = /[0-9a-f]{8}-[0-9a-f-]{27}/;
  const kv = uuid.exec(await wrangler.ok(["kv", "namespace", "create", "cache"]))?.[0] ?? "";
  await wrangler.ok(["r2", "bucket", "create", "files"]);
  const database = uuid.exec(await wrangler.ok(["d1", "create", "main"]))?.[0] ?? "";
  ids = { kv, database };
  expect(listOf(await wrangler.ok(["kv", "namespace", "list"]), "id")).toEqual([kv]);
  expect(listOf(await wrangler.ok(["d1", "list", "--json"]), "uuid")).toEqual([database]);
});

test("what it writes to them is there for the worker that it deploys", async () => {
  const namespace = ["--remote", "--namespace-id", ids.kv];
  await wrangler.ok(["kv", "key", "put", ...namespace, "key", "a value"]);
  expect(await wrangler.ok(["kv", "key", "get", "--text", ...namespace, "key"])).toContain("a value");
  await manifest("hello");
  const sql = "create table t (a int); insert into t values (1), (2); select a from t order by a";
  const ran = JSON.parse(
    await wrangler.ok(["d1", "execute", "main", "--remote", "--json", "--command", sql]),
  );
  expect(ran).toMatchObject([{}, {}, { success: true, results: [{ a: 1 }, { a: 2 }] }]);
  expect(await wrangler.ok(["deploy"])).toContain(`https://shop.localhost:${platform.port}/#`);
  expect(await greeting()).toEqual({ greeting: "hello", settings: { depth: [1] } });
  expect(await shop("/kv")).toBe("a value");
  expect(await shop("/r2")).toBe("an object");
  expect(JSON.parse(await shop("/d1"))).toEqual([{ a: 1 }, { a: 2 }]);
  expect(await shop("/page")).toBe("<h1>a file</h1>");
  const crons = await api("/v1/workers/shop/crons", caller.token);
  expect(crons.body).toMatchObject({ items: [{ expression: "7 4 * * *", source: "manifest" }] });
});

test("a secret that it puts is the worker's, and listed by its name", async () => {
  await wrangler.ok(["secret", "put", "TOKEN"], "s3cret");
  expect(await greeting()).toMatchObject({ secret: "s3cret" });
  const listed = await wrangler.ok(["secret", "list", "--format", "json"]);
  expect(JSON.parse(listed)).toEqual([{ name: "TOKEN", type: "secret_text" }]);
});

test("an object that it puts is the worker's bucket's, and can be had back", async () => {
  await Bun.write(join(folder, "name.txt"), "sent by wrangler");
  await wrangler.ok(["r2", "object", "put", "files/a/b.txt", "--remote", "--file", "name.txt"]);
  expect(await wrangler.ok(["r2", "object", "get", "files/a/b.txt", "--remote", "--pipe"])).toBe(
    "sent by wrangler",
  );
});

test("a second deploy is a version of its own, and a rollback returns to the first", async () => {
  await manifest("hello again");
  await wrangler.ok(["deploy"]);
  expect(await greeting()).toMatchObject({ greeting: "hello again", secret: "s3cret" });
  await wrangler.ok(["rollback", "--message", "oops", "--yes"]);
  expect(await greeting()).toMatchObject({ greeting: "hello" });
  const versions = listOf(await wrangler.ok(["versions", "list", "--json"]), "id");
  expect(versions).toHaveLength(2);
  const deployments = JSON.parse(await wrangler.ok(["deployments", "list", "--json"]));
  expect(deployments).toMatchObject([
    { versions: [{ version_id: versions[0], percentage: 100 }] },
    { versions: [{ version_id: versions[1], percentage: 100 }] },
    { versions: [{ version_id: versions[0], percentage: 100 }] },
  ]);
});

test("a version that it uploads serves nothing before it is deployed", async () => {
  await manifest("not yet");
  await wrangler.ok(["versions", "upload"]);
  expect(await greeting()).toMatchObject({ greeting: "hello" });
  const newest = listOf(await wrangler.ok(["versions", "list", "--json"]), "id").at(-1);
  await wrangler.ok(["versions", "deploy", `${newest}@100`, "--yes"]);
  expect(await greeting()).toMatchObject({ greeting: "not yet" });
});

test("a tail tells of a request with its lines", async () => {
  const tail = wrangler.start("tail", "shop", "--format", "json");
  let told = "";
  const reading = (async () => {
    for await (const chunk of tail.stdout.pipeThrough(new TextDecoderStream())) {
      told += chunk;
      if (told.includes("seen /tailed")) return;
    }
    throw new Error(`wrangler tail ended: ${told}${await tail.stderr.text()}`);
  })();
  // Only what comes after it has connected is told: it says nothing itself when that is.
  const asking = (async () => {
    while (!told.includes("seen /tailed")) {
      await shop("/tailed");
      await Bun.sleep(200);
    }
  })();
  await reading;
  await asking;
  tail.kill("SIGINT");
  await tail.exited;
  expect(told).toContain('"outcome": "ok"');
});

test("what is not there is refused in a sentence, and nothing is deployed", async () => {
  await Bun.write(
    join(folder, "objects.json"),
    JSON.stringify({
      name: "objects",
      main: "objects.js",
      compatibility_date: "2026-04-01",
      durable_objects: { bindings: [{ name: "ROOM", class_name: "Room" }] },
      migrations: [{ tag: "v1", new_sqlite_classes: ["Room"] }],
    }),
  );
  await Bun.write(join(folder, "objects.js"), "export class Room {}\nexport default { fetch() {} };");
  const { code, stderr, stdout } = await wrangler.run(["deploy", "--config", "objects.json"]);
  expect([code, stdout + stderr]).toEqual([
    1,
    expect.stringContaining('no bindings of type "durable_object_namespace" (ROOM)'),
  ]);
  expect((await api("/v1/workers/objects", caller.token)).status).toBe(404);
});

test("secrets come in bulk and go one by one, and a worker with all that is its own", async () => {
  await wrangler.ok(["secret", "bulk"], JSON.stringify({ TOKEN: "new", OTHER: "too" }));
  expect(await greeting()).toMatchObject({ secret: "new" });
  await wrangler.ok(["secret", "delete", "TOKEN"]);
  expect(await greeting()).not.toHaveProperty("secret");
  await wrangler.ok(["delete", "--force"]);
  expect((await api("/v1/workers/shop", caller.token)).status).toBe(404);
});

test("a key that is none is told so", async () => {
  const stranger = await Wrangler.in(folder, platform, { token: "ow_nobody", account: caller.account });
  const { code, stdout, stderr } = await stranger.run(["deploy"]);
  expect([code, stdout + stderr]).toEqual([1, expect.stringMatching(/session or key/)]);
});
