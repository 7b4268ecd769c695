import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { parseExposition } from "@openworkers/core/testing";
import { runtimeDirPath } from "../platform/runtime-dir.ts";
import { OwHome } from "../testing/ow.ts";
import { hookMs } from "../testing/shared-platform.ts";

const template = new OwHome();
beforeAll(async () => {
  await (await template.up("--data", join(template.folder.path, "data"))).end("SIGINT");
}, hookMs);
afterAll(() => template[Symbol.asyncDispose]());

let home: OwHome;
beforeEach(async () => {
  home = new OwHome();
  await home.folder.write({ "hello.js": `export default { fetch: () => new Response("hello") };` });
});
afterEach(() => home[Symbol.asyncDispose]());

/** A data directory that a platform has been stopped on: making one anew is PostgreSQL's work, and takes seconds. */
async function dataDir(name = "data"): Promise<string> {
  const path = join(home.folder.path, name);
  await Bun.$`cp -a ${join(template.folder.path, "data")} ${path}`;
  return path;
}

/** Processes that name `text` on their command line. */
function processesWith(text: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, "utf8");
        return command.includes(text) ? [command] : [];
      } catch {
        return [];
      }
    });
}

describe("ow up", () => {
  test("tells Prometheus what it does, when asked to", async () => {
    const up = await home.up("--data", await dataDir(), "--metrics-port", "0");
    await home.json("deploy", "hello.js");
    const { port } = up.ready;
    await fetch(`http://127.0.0.1:${port}/`, { headers: { host: "hello.localhost" } });
    const metrics = parseExposition(await (await fetch(String(up.ready.metrics))).text());
    expect([...(metrics.get("ow_invocations_total")?.samples ?? [])]).toEqual([
      ['ow_invocations_total{trigger="fetch",outcome="ok"}', 1],
    ]);
    expect(metrics.get("process_resident_memory_bytes")?.type).toBe("gauge");
    expect(await up.end("SIGINT")).toBe(0);
  });

  test("stops cleanly on Ctrl-C, leaves nothing running, and finds its data again", async () => {
    const data = await dataDir();
    const first = await home.up("--data", data);
    expect(first.ready).toMatchObject({ ready: true, dataDir: data, sandbox: "bubblewrap", pid: first.pid });
    await home.json("deploy", "hello.js");
    expect(await first.end("SIGINT")).toBe(0);
    expect(processesWith(data)).toEqual([]);
    expect(existsSync(runtimeDirPath(data))).toBe(false);
    expect(readdirSync(join(home.folder.path, "home/profiles"))).toEqual([]);
    const second = await home.up("--data", data);
    expect(await home.json<{ worker: string }[]>("workers")).toMatchObject([{ worker: "hello" }]);
    expect(await second.end("SIGTERM")).toBe(0);
  });

  test("lets a request finish on Ctrl-C in a terminal, which signals all of the process group", async () => {
    const platform = await home.up("--data", await dataDir());
    await home.folder.write({
      "slow.js": `export default { fetch() {
        const { readable, writable } = new TransformStream();
        const writer = writable.getWriter();
        const bytes = (text) => new TextEncoder().encode(text);
        (async () => { await writer.write(bytes("begun ")); await new Promise((r) => setTimeout(r, 300));
          await writer.write(bytes("and finished")); await writer.close(); })();
        return new Response(readable);
      } };`,
    });
    await home.json("deploy", "slow.js");
    const { port } = platform.ready;
    const response = await fetch(`http://127.0.0.1:${port}/`, {
      headers: { host: `slow.localhost:${port}` },
    });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe("begun ");
    const ended = platform.endGroup("SIGINT");
    expect((await reader?.read())?.value).toBe("and finished");
    expect(await ended).toBe(0);
  });

  test("comes back after kill -9 of everything of it", async () => {
    const data = await dataDir();
    const first = await home.up("--data", data);
    await home.json("deploy", "hello.js");
    await first.end("SIGKILL");
    expect((await home.ow(["workers"])).code).toBe(1);
    const second = await home.up("--data", data);
    expect(await home.json<{ worker: string }[]>("workers")).toMatchObject([{ worker: "hello" }]);
    expect(await second.end("SIGHUP")).toBe(0);
  });

  test("runs beside another one, and --port chooses between them", async () => {
    const one = await home.up("--data", await dataDir("one"));
    const two = await home.up("--data", await dataDir("two"));
    await home.json("deploy", "hello.js", "--port", String(one.ready.port));
    expect(await home.json<unknown[]>("workers", "--port", String(one.ready.port))).toHaveLength(1);
    expect(await home.json<unknown[]>("workers", "--port", String(two.ready.port))).toHaveLength(0);
    expect(await home.json<unknown[]>("workers")).toHaveLength(0);
    const third = await home.ow(["up", "--port", "0", "--data", join(home.folder.path, "one"), "--json"]);
    expect([third.code, JSON.parse(third.stdout).error.code]).toEqual([1, "DATA_DIR_IN_USE"]);
    expect(await Promise.all([one.end("SIGINT"), two.end("SIGINT")])).toEqual([0, 0]);
  });

  test("goes on serving while its PostgreSQL is dead, and starts it again", async () => {
    const platform = await home.up("--data", await dataDir());
    const { url } = await home.json<{ url: string }>("deploy", "hello.js");
    const serves = async () =>
      (
        await fetch(url.replace(/hello\.localhost/, "127.0.0.1"), { headers: { host: new URL(url).host } })
      ).text();
    expect(await serves()).toBe("hello");
    process.kill(postmasterOf(platform.pid), "SIGKILL");
    await platform.line((text) => text.includes("PostgreSQL ended"));
    expect(await serves()).toBe("hello");
    while ((await home.ow(["workers"])).code !== 0);
    expect(await platform.end("SIGINT")).toBe(0);
  });
});

/** PostgreSQL's first process among the descendants of `ancestor`, by its pid here and not in its namespace. */
function postmasterOf(ancestor: number): number {
  const all = readdirSync("/proc").flatMap((name) => {
    try {
      const status = readFileSync(`/proc/${name}/status`, "utf8");
      return [
        {
          pid: Number(name),
          parent: Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]),
          name: /^Name:\s+(.*)$/m.exec(status)?.[1],
        },
      ];
    } catch {
      return [];
    }
  });
  const parentOf = new Map(all.map(({ pid, parent }) => [pid, parent]));
  const descends = (pid: number): boolean =>
    pid === ancestor || (pid > 1 && descends(parentOf.get(pid) ?? 0));
  const servers = all.filter(({ pid, name }) => name === "postgres" && descends(pid));
  const first = servers.find(({ parent }) => !servers.some(({ pid }) => pid === parent));
  if (first === undefined) throw new Error("this platform has no PostgreSQL");
  return first.pid;
}

describe("ow up refuses to start, in one sentence with what to do, when", () => {
  test("the port is taken, before it makes anything", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((listening) => server.once("listening", listening));
    const address = server.address();
    const port = typeof address === "object" ? String(address?.port) : "";
    const data = join(home.folder.path, "data");
    const { code, stderr } = await home.ow(["up", "--port", port, "--data", data]);
    server.close();
    expect(code).toBe(1);
    expect(stderr).toStartWith(`error: Port ${port} is taken.\nnext: Choose another (--port`);
    expect(existsSync(data)).toBe(false);
  });

  test("bubblewrap is missing, unless --sandbox=none is given, which is said loudly", async () => {
    // Everything but bubblewrap. PostgreSQL needs it as well, when we are root and the data is in a private directory.
    await chmod(home.folder.path, 0o755);
    const path = join(home.folder.path, "bin");
    for (const tool of ["sh", "readlink", "dirname", "setpriv", "prlimit"]) {
      const found = Bun.which(tool);
      if (found !== null) await home.folder.write({ [`bin/${tool}`]: `#!/bin/sh\nexec ${found} "$@"\n` });
    }
    await Bun.$`chmod +x ${path}/sh ${path}/readlink ${path}/dirname ${path}/setpriv ${path}/prlimit`
      .nothrow()
      .quiet();
    const env = { PATH: path };
    const data = await dataDir();
    const refused = await home.ow(["up", "--port", "0", "--data", data, "--json"], { env });
    const { error } = JSON.parse(refused.stdout);
    expect([refused.code, error.code]).toEqual([1, "SANDBOX_UNAVAILABLE"]);
    expect(error.hint).toContain("--sandbox=none");
    const unsafe = home.start(["up", "--port", "0", "--data", data, "--sandbox=none"]);
    await unsafe.line((text) => text.includes("THE SANDBOX IS OFF"));
    await unsafe.line((text) => text === "ready");
    expect(await unsafe.end("SIGINT")).toBe(0);
  });

  test("its data was made by a newer version", async () => {
    await home.folder.write({ "data/postgres/data/PG_VERSION": "99\n" });
    const { code, stdout } = await home.ow([
      "up",
      "--port",
      "0",
      "--data",
      join(home.folder.path, "data"),
      "--json",
    ]);
    expect([code, JSON.parse(stdout).error.code]).toEqual([1, "DATA_DIR_NEWER"]);
  });
});
