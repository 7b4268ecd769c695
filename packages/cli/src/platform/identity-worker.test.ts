import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Binding, EnvValue } from "@openworkers/core";
import { unversioned } from "@openworkers/runner";
import { type DatabaseCells, databaseCells } from "@openworkers/runner/testing";
import { bundleProject } from "../bundle/mod.ts";
import { loadProject } from "../manifest/project.ts";

const baseUrl = "http://api.workers.test";
const source = join(import.meta.dir, "../../../api/src/identity/worker.ts");

let fixture: DatabaseCells;
let cell: Awaited<ReturnType<typeof start>>;
beforeAll(async () => {
  fixture = await databaseCells();
  cell = await start();
});
afterAll(async () => {
  await cell[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});

/** The identity worker in a real cell, bundled as `ow up` does it. */
async function start() {
  const project = await loadProject(source, { name: "sign-in" });
  const { code, bytes } = await bundleProject({
    ...project,
    compatibilityFlags: ["nodejs_compat"],
    build: { ...project.build, minify: true },
  });
  expect(bytes).toBeLessThan(1_500_000);
  const text = (value: string): EnvValue => ({ kind: "text", value });
  const env = new Map([
    ["AUTH_SECRET", text(randomBytes(32).toString("base64url"))],
    ["BASE_URL", text(baseUrl)],
  ]);
  const bindings = new Map<string, Binding>([
    ["SQL", { kind: "hyperdrive", databaseId: fixture.gateway.databaseId }],
  ]);
  return fixture.cells.cells.start({ code, env, bindings, version: unversioned });
}

async function ask(path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await cell.fetch(`/v1/auth${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers: { "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

test("in a cell the identity worker makes the first account and signs it in again", async () => {
  const token = randomBytes(32).toString("base64url");
  await fixture.postgres.query(
    "insert into identity.setup_links (hash, expires_at) values ($1, now() + interval '1 day')",
    [createHash("sha256").update(token).digest()],
  );
  const account = { email: "ada@example.com", password: "correct horse battery" };
  const made = await ask("/setup", { token, ...account });
  expect(made).toMatchObject({ status: 201, body: { user: { email: "ada@example.com" } } });
  const again = await ask("/sign-in", account);
  expect(again.status).toBe(200);
  const cookie = again.headers.get("set-cookie")?.split(";")[0] ?? "";
  expect(await ask("/me", undefined, { cookie })).toMatchObject({
    status: 200,
    body: { account: "ada", operator: true },
  });
  const wrong = await ask("/sign-in", { ...account, password: "another password" });
  expect(wrong).toMatchObject({ status: 401, body: { error: { code: "UNAUTHORIZED" } } });
});
