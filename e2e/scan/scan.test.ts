import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Platform, startPlatform } from "../platform.ts";
import type { ProcessRef } from "../processes.ts";
import { type Needle, needlesOf, scanProcess } from "./process-scan.ts";

// Another process's memory is root's to read.
const isRoot = process.getuid?.() === 0;

const ownSecret = "own-secret-pelican-orchard-41";
const othersSecret = "others-secret-granite-lantern-77";
const s3Secret = "s3-secret-key-wombat-tangerine-93";
const s3KeyId = "AKIAFAKEFAKEFAKE1234";

/** A platform, two deploys and some commands, each a process: on a busy machine more than the usual minute. */
const slowMs = 240_000;

let platform: Platform;
/** Texts that no cell may hold, by what they are. */
const hidden = new Map<string, string>();
const raw: Needle[] = [];

/** A worker that uses all it is bound to, and says how that went. */
const worker = `export default {
  async fetch(request, env) {
    await env.KV.put("key", "value");
    const stored = await env.FILES.put("file", "content").then(() => "stored", (error) => String(error));
    const listed = await env.KV.list();
    let unreachable = "none";
    try { await env.KV.get("x".repeat(600)); } catch (error) { unreachable = String(error); }
    return Response.json({ kv: await env.KV.get("key"), keys: listed.keys.length, stored, unreachable, secret: env.TOKEN.length });
  },
};`;

beforeAll(async () => {
  if (!isRoot) return;
  platform = await startPlatform({
    env: {
      OW_S3_ENDPOINT: "http://127.0.0.1:9",
      OW_S3_BUCKET: "platform-bucket-of-the-scan",
      OW_S3_ACCESS_KEY_ID: s3KeyId,
      OW_S3_SECRET_ACCESS_KEY: s3Secret,
      OW_S3_REGION: "test",
    },
  });
  for (const name of ["own", "other"]) {
    const folder = join(platform.directory, name);
    await mkdir(folder);
    await Bun.write(join(folder, "index.js"), worker);
    await Bun.write(
      join(folder, "wrangler.json"),
      JSON.stringify({
        name,
        main: "index.js",
        compatibility_date: "2026-11-01",
        kv_namespaces: [{ binding: "KV" }],
        r2_buckets: [{ binding: "FILES" }],
      }),
    );
    await platform.deploy(folder);
    const put = await platform.owWithInput(
      name === "own" ? ownSecret : othersSecret,
      "secret",
      "put",
      name,
      "TOKEN",
    );
    if (put.code !== 0) throw new Error(put.stderr);
    const bindings = await platform.ow("bindings", "list", name, "--json");
    const list = z.array(z.object({ name: z.string(), id: z.string() })).parse(JSON.parse(bindings.stdout));
    for (const binding of list) hidden.set(`id of ${name}'s ${binding.name}`, binding.id);
  }
  const profiles = join(platform.directory, "home", "profiles");
  const [profileName = ""] = readdirSync(profiles);
  const { databaseUrl, dataDir } = z
    .object({ databaseUrl: z.string(), dataDir: z.string() })
    .parse(JSON.parse(readFileSync(join(profiles, profileName), "utf8")));
  const url = new URL(databaseUrl);
  hidden.set("database URL", databaseUrl);
  hidden.set("database password", url.password || (url.searchParams.get("password") ?? ""));
  const key = readFileSync(join(dataDir, "secret-key"), "utf8").trim();
  hidden.set("sealing key", key);
  raw.push(...keyNeedles(key));
  hidden.set("S3 secret", s3Secret);
  hidden.set("S3 key id", s3KeyId);
  hidden.set("S3 bucket", "platform-bucket-of-the-scan");
  // The other worker runs, too, so that the runner holds its secret in the open.
  for (const name of ["own", "other"]) await call(name);
}, slowMs);
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
});

async function call(name: string): Promise<void> {
  const response = await platform.fetch(name, "/");
  const text = await response.text();
  expect([response.status, text]).toEqual([200, expect.stringContaining('"kv":"value","keys":1')]);
}

/** Processes of cells: those of workerd, and bubblewrap's that started them. */
async function cells(): Promise<ProcessRef[]> {
  return (await platform.processes()).filter(({ command }) => /workerd.* serve /.test(command));
}

const needles = (): Needle[] => [...[...hidden].flatMap(([name, text]) => needlesOf(name, text)), ...raw];

/** The private key as libraries hold it: encoded, and its number in either order of bytes. */
function keyNeedles(text: string): Needle[] {
  const der = Buffer.from(text.slice("owsk_".length), "base64url");
  const { d = "" } = createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({ format: "jwk" });
  const number = Buffer.from(d, "base64url");
  return [
    { name: "sealing key (PKCS #8)", bytes: der },
    { name: "sealing key (number)", bytes: number },
    { name: "sealing key (number, reversed)", bytes: Buffer.from(number).reverse() },
  ];
}
const secrets = [...needlesOf("own secret", ownSecret), ...needlesOf("other's secret", othersSecret)];

describe.skipIf(!isRoot)("the scan", () => {
  test("finds what a process holds in its environment, memory, arguments and open files", async () => {
    const found = "found-me-heron-quarry-58";
    const file = join(platform.directory, found);
    await Bun.write(file, "");
    const script = `const fs = require("node:fs");
      const held = ["found-me", "heron", "quarry", "58"].join("-");
      fs.openSync(process.argv.at(-1)); console.log(held.length); setInterval(() => held, 1e6);`;
    const child = Bun.spawn([process.execPath, "-e", script, file], {
      env: { FOUND: found },
      stdout: "pipe",
    });
    try {
      for await (const _ of child.stdout) break;
      const { findings } = scanProcess(child.pid, needlesOf("it", found));
      const places = new Set(findings.map(({ place }) => place));
      expect([...places].sort()).toEqual(expect.arrayContaining(["cmdline", "environ", "fd", "memory"]));
    } finally {
      child.kill();
      await child.exited;
    }
  });

  test("finds in its cell a worker's own secret, and in no cell another worker's beside it", async () => {
    const scans = (await cells()).map(({ pid }) => scanProcess(pid, secrets));
    const holding = scans.map(
      ({ findings }) => new Set(findings.map(({ needle }) => needle.replace(/ \(.*/, ""))),
    );
    expect(holding.filter((names) => names.has("own secret")).length).toBeGreaterThanOrEqual(1);
    expect(holding.filter((names) => names.has("other's secret")).length).toBeGreaterThanOrEqual(1);
    expect(holding.filter((names) => names.size > 1)).toEqual([]);
  });

  test("finds in the runner what it must not find in a cell, so it looks for the right bytes", async () => {
    const { pid } = z.object({ pid: z.int() }).parse(platform.ready);
    const found = new Set(scanProcess(pid, needles()).findings.map(({ needle }) => needle));
    expect(
      [...hidden.keys()].filter((name) => ![...found].some((needle) => needle.startsWith(name))),
    ).toEqual([]);
  });

  test("finds in no cell a credential of the system, nor an id or address of what the worker is bound to", async () => {
    expect(hidden.size).toBeGreaterThanOrEqual(10);
    const scans = (await cells()).map(({ pid }) => scanProcess(pid, needles()));
    // Two workers' cells at least; what there is to see of each was looked at.
    const looked = scans.filter(({ files, memoryBytes }) => files > 3 && memoryBytes > 1 << 20);
    expect(looked.length).toBeGreaterThanOrEqual(2);
    expect(scans.flatMap(({ findings }) => findings)).toEqual([]);
  });
});
