import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { connect, type Database, deployVersion, ensureOperator, systemWorkerState } from "@openworkers/db";
import { z } from "zod";
import { hookMs, sharedPlatform } from "../testing/shared-platform.ts";

const platform = sharedPlatform({ api: true });
const { home } = platform;

let database: Database;
beforeAll(async () => {
  database = connect((await home.profile()).databaseUrl, { max: 2 });
}, hookMs);
afterAll(() => database[Symbol.asyncDispose]());

const ask = (worker: string, path: string, init: RequestInit = {}) => {
  const headers = new Headers(init.headers);
  headers.set("host", `${worker}.localhost:${platform.ready.port}`);
  return fetch(`http://127.0.0.1:${platform.ready.port}${path}`, { ...init, headers });
};
const api = (path: string, token?: string, init: RequestInit = {}) =>
  ask("api", path, {
    ...init,
    headers: {
      ...(init.headers as object),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
  });
async function fileWith(name: string, content: string): Promise<string> {
  await home.folder.write({ [name]: content });
  return join(home.folder.path, name);
}
const post = (body: object) => ({
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});
const sessionSchema = z.object({ token: z.string() });
const setupToken = (url: string | null | undefined) => new URL(url ?? "").searchParams.get("token") ?? "";

async function signUp(token: string, email: string): Promise<Response> {
  const password = "correct horse battery";
  return api("/v1/auth/setup?token=true", undefined, post({ email, password, token }));
}

let session = "";

describe("the API of a platform that was just started", () => {
  test("says so, and is made use of by whoever opens the link that it prints, once", async () => {
    const { api: said } = platform.ready;
    expect(said?.url).toBe(`http://api.localhost:${platform.ready.port}/v1`);
    const token = setupToken(said?.setupUrl);
    const made = await signUp(token, "ada@example.com");
    expect(made.status).toBe(201);
    session = sessionSchema.parse(await made.json()).token;
    expect((await signUp(token, "eve@example.com")).status).toBeGreaterThanOrEqual(400);
    expect(await home.json("users", "list")).toMatchObject([{ email: "ada@example.com", isOperator: true }]);
  });

  test("answers its people, by way of its own cell, Postgate and policies", async () => {
    expect((await api("/v1/workers")).status).toBe(401);
    const listed = await api("/v1/workers", session);
    expect([listed.status, await listed.json()]).toMatchObject([200, { items: expect.any(Array) }]);
  });

  test("is the only way to sign-in, whose worker answers nobody under its own name", async () => {
    expect((await api("/v1/auth/options")).status).toBe(200);
    for (const name of ["identity", "1--identity"]) {
      const answer = await ask(name, "/v1/auth/options");
      expect([name, answer.status, await answer.json()]).toMatchObject([
        name,
        404,
        { error: { code: "NOT_FOUND" } },
      ]);
    }
  });

  test("lets another admin in by a link that an operator has made, and none that was made before", async () => {
    const first = await home.json<{ url: string }>("users", "setup-link");
    const second = await home.json<{ url: string }>("users", "setup-link");
    expect((await signUp(setupToken(first.url), "late@example.com")).status).toBeGreaterThanOrEqual(400);
    expect((await signUp(setupToken(second.url), "late@example.com")).status).toBe(201);
  });

  test("takes another password from whoever an operator has made a link for, which ends their sessions", async () => {
    expect((await home.ow(["users", "reset-link", "nobody@example.com", "--json"])).stdout).toContain(
      "NOT_FOUND",
    );
    const { url } = await home.json<{ url: string }>("users", "reset-link", "late@example.com");
    const change = (token: string) =>
      api("/v1/auth/password/reset", undefined, post({ token, newPassword: "another horse entirely" }));
    expect((await change(setupToken(url))).status).toBe(204);
    expect((await change(setupToken(url))).status).toBeGreaterThanOrEqual(400);
    const signIn = (password: string) =>
      api("/v1/auth/sign-in?token=true", undefined, post({ email: "late@example.com", password }));
    expect((await signIn("correct horse battery")).status).toBe(401);
    expect((await signIn("another horse entirely")).status).toBe(200);
  });

  test("is not among a user's workers, and cannot be taken by a deploy", async () => {
    expect(await home.json<unknown[]>("workers")).toEqual([]);
    for (const name of ["api", "identity"]) {
      const { code, stdout } = await home.ow([
        "deploy",
        "--name",
        name,
        await fileWith("worker.js", "export default {}"),
        "--json",
      ]);
      expect([name, code, stdout]).toEqual([name, 1, expect.stringContaining("INVALID_NAME")]);
    }
  });
});

describe("when the API is broken by a bad deploy", () => {
  test("ow repairs it by the database alone, and tenants' workers never notice", async () => {
    const source = `let count = 0; export default { fetch: () => new Response("hello " + ++count) };`;
    await home.json("deploy", "--name", "tenant", await fileWith("tenant.js", source));
    // Called all the time, one request after the other; whatever is no "hello" is told below.
    const calling = new AbortController();
    using _ = { [Symbol.dispose]: () => calling.abort() };
    const answers: { status: number; text: string }[] = [];
    const caller = (async () => {
      while (!calling.signal.aborted) {
        const answer = await ask("tenant", "/");
        answers.push({ status: answer.status, text: await answer.text() });
      }
    })();
    const { id: by } = await ensureOperator(database);
    const breakApi = (text: string) =>
      deployVersion(database, {
        worker: "api",
        by,
        system: true,
        code: {
          modules: [{ name: "index.js", type: "esModule", content: new TextEncoder().encode(text) }],
          compatibilityDate: "2026-11-01",
          compatibilityFlags: [],
          sourceMaps: new Map(),
        },
      });
    const until = async (fits: (answer: Response) => boolean): Promise<void> => {
      while (!fits(await api("/v1/workers", session)));
    };

    await breakApi(`throw new Error("broken");`);
    await until(({ status }) => status >= 500);
    await home.json("rollback", "api");
    await until(({ status }) => status === 200);

    await breakApi(`export default { fetch() { for (;;); } };`);
    await until(({ status }) => status >= 500);
    expect(await systemWorkerState(database, "api")).toMatchObject({ live: false });
    expect(await home.json("api", "deploy")).toMatchObject({
      workers: [{ name: "identity" }, { name: "api", live: true }],
    });
    await until(({ status }) => status === 200);

    // With its platform's sandbox out of order as well, the same API is served by a process of the operator's.
    await breakApi(`throw new Error("broken again");`);
    await until(({ status }) => status >= 500);
    const direct = home.start(["api", "serve", "--listen", "0", "--json"]);
    const { url } = JSON.parse(await direct.line((line) => line.startsWith("{")));
    const listed = await fetch(`${url}/workers`, { headers: { authorization: `Bearer ${session}` } });
    expect(listed.status).toBe(200);
    const ada = { email: "ada@example.com", password: "correct horse battery" };
    const signedIn = await fetch(`${url}/auth/sign-in?token=true`, post(ada));
    expect(sessionSchema.parse(await signedIn.json()).token).not.toBe("");
    expect(await direct.end("SIGTERM")).toBe(0);
    await home.json("api", "deploy");
    await until(({ status }) => status === 200);

    calling.abort();
    await caller;
    expect(answers.length).toBeGreaterThan(10);
    // Every one in its turn, by the cell that was there before: nothing was started anew for it.
    expect(answers).toEqual(answers.map((_, index) => ({ status: 200, text: `hello ${index + 1}` })));
  }, 120_000);
});
