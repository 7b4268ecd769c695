import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Platform, startPlatform } from "./platform.ts";

let platform: Platform;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ow-assets-"));
  platform = await startPlatform();
}, 60_000);

afterAll(async () => {
  await platform[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

describe("a folder with an index.html", () => {
  test("is deployed as it is, each content sent once, and a rollback brings it back", async () => {
    const pages = Object.fromEntries(
      Array.from({ length: 300 }, (_, index) => [`site/page-${index}.html`, `<p>${index}</p>`]),
    );
    await write({ "site/index.html": "one", "site/.env": "KEY=1", "site/copy.html": "one", ...pages });
    const site = join(folder, "site");
    expect(await platform.deploy(site)).toMatchObject({ version: 1, assets: { files: 302, sent: 301 } });
    expect(await (await platform.fetch("site", "/")).text()).toBe("one");
    expect(await (await platform.fetch("site", "/page-299")).text()).toBe("<p>299</p>");
    expect((await platform.fetch("site", "/.env")).status).toBe(404);
    await write({ "site/index.html": "two" });
    expect(await platform.deploy(site)).toMatchObject({
      version: 2,
      assets: { files: 302, sent: 1, sentBytes: 3 },
    });
    expect(await (await platform.fetch("site", "/")).text()).toBe("two");
    expect((await platform.ow("rollback", "site")).code).toBe(0);
    while ((await (await platform.fetch("site", "/")).text()) !== "one");
    expect(await (await platform.fetch("2--site", "/")).text()).toBe("two");
  });

  test("has its visits in the log, with no CPU time of a cell", async () => {
    await write({ "quiet/index.html": "hush" });
    await platform.deploy(join(folder, "quiet"));
    await using tail = await platform.tail("quiet");
    await (await platform.fetch("quiet", "/")).text();
    const visit = await tail.find((record) => record.kind === "invocation");
    expect(visit).toMatchObject({ worker: "quiet", path: "/", status: 200, outcome: "ok", cpuMs: 0 });
  });
});

test("`ow dev` serves a changed file, a new one in a new folder, and changed rules", async () => {
  await write({ "dev/index.html": "first" });
  const dev = platform.startOw("dev", join(folder, "dev"), "--json");
  try {
    const comes = async (path: string, text: string) => {
      while ((await (await platform.fetch("dev", path)).text()) !== text) await Bun.sleep(20);
    };
    await comes("/", "first");
    await write({ "dev/index.html": "second" });
    await comes("/", "second");
    await write({ "dev/new/page.html": "new" });
    await comes("/new/page", "new");
    await write({ "dev/new/page.html": "newer" });
    await comes("/new/page", "newer");
    await write({ "dev/_redirects": "/go / 301" });
    while ((await platform.fetch("dev", "/go")).status !== 301) await Bun.sleep(20);
  } finally {
    process.kill(-dev.pid, "SIGINT");
    await dev.exited;
  }
});

test("a deploy of files that cannot be served says which, and changes nothing", async () => {
  await write({ "bad/index.html": "x" });
  await symlink("/etc/passwd", join(folder, "bad/users.txt"));
  const refused = await platform.ow("deploy", join(folder, "bad"), "--json");
  expect(refused.code).toBe(1);
  expect(refused.stdout + refused.stderr).toContain("users.txt is a link that leads out");
  expect((await platform.fetch("bad", "/")).status).toBe(404);
});
