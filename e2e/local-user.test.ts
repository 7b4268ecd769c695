import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { type Platform, startPlatform } from "./platform.ts";

const secret = "correct-horse-battery-staple";
let platform: Platform;
let profile: { databaseUrl: string; logsSocket: string; dataDir: string };

beforeAll(async () => {
  platform = await startPlatform();
  await platform.deploy("e2e/hostile/fixtures/quiet.js", "--name", "quiet");
  const put = await platform.owWithInput(secret, "secret", "put", "quiet", "TOKEN");
  if (put.code !== 0) throw new Error(put.stderr);
  expect((await platform.fetch("quiet", "/")).status).toBe(200);
  const profiles = join(platform.directory, "home", "profiles");
  const [name = ""] = readdirSync(profiles);
  profile = z
    .object({ databaseUrl: z.string(), logsSocket: z.string(), dataDir: z.string() })
    .parse(JSON.parse(readFileSync(join(profiles, name), "utf8")));
});
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
});

/** Everything below `path`, itself included. */
function below(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return [path, ...readdirSync(path).flatMap((name) => below(join(path, name)))];
}

test("another user of the machine reads no file, lists no folder and opens no socket of the platform", async () => {
  const runtime = dirname(dirname(profile.logsSocket));
  const paths = [...below(runtime), ...below(platform.directory)];
  // The directory itself is the test's own; what the platform made in it must hold by itself.
  await Bun.$`chmod 0755 ${platform.directory}`.quiet();
  expect(paths.filter((path) => statSync(path).isSocket()).length).toBeGreaterThanOrEqual(5);
  expect(paths).toContain(join(profile.dataDir, "secret-key"));
  for (const closed of [profile.dataDir, dirname(profile.logsSocket), join(runtime, "cells")]) {
    expect([closed, statSync(closed).mode & 0o077]).toEqual([closed, 0]);
  }
  if (process.getuid?.() !== 0) return; // nobody else can be tried without root: the modes above must do
  const uids = [65_534, 1_000, 0x7000_0000];
  // To connect to a socket takes the right to write to it (unix(7)).
  const script = 'for path; do if [ -r "$path" ] || [ -w "$path" ]; then echo "$path"; fi; done';
  for (const uid of uids) {
    const dropped = ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--inh-caps=-all"];
    const child = Bun.spawn([...dropped, "/bin/sh", "-c", script, "sh", ...paths], { cwd: "/" });
    const open = (await child.stdout.text()).split("\n").filter((path) => path !== "");
    expect({ uid, code: await child.exited, open }).toEqual({ uid, code: 0, open: [platform.directory] });
  }
});

test("no secret, key or password is in an argument, in what a child inherits, or in what is printed", async () => {
  const password =
    new URL(profile.databaseUrl).password || new URL(profile.databaseUrl).searchParams.get("password");
  const key = readFileSync(join(profile.dataDir, "secret-key"), "utf8").trim();
  if (password === null || password.length < 16 || key.length < 16)
    throw new Error("there is nothing to look for");
  const printed = await Promise.all(
    [
      ["workers"],
      ["versions", "quiet"],
      ["secret", "list", "quiet"],
      ["env", "list", "quiet"],
      ["doctor"],
    ].map((words) => platform.ow(...words, "--json")),
  );
  expect(printed.map(({ code, stderr }) => (code === 0 ? 0 : stderr))).toEqual(printed.map(() => 0));
  const places = new Map([
    ["output", platform.output],
    ...printed.map(({ stdout, stderr }, index): [string, string] => [`command ${index}`, stdout + stderr]),
  ]);
  for (const { pid } of await platform.processes()) {
    places.set(`arguments of ${pid}`, readFileSync(`/proc/${pid}/cmdline`, "latin1"));
    places.set(`environment of ${pid}`, readFileSync(`/proc/${pid}/environ`, "latin1"));
  }
  expect(places.size).toBeGreaterThan(15);
  for (const hidden of [secret, password, key]) {
    expect([...places].filter(([, text]) => text.includes(hidden)).map(([name]) => name)).toEqual([]);
  }
});
