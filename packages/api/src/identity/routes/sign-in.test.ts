import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { sql } from "kysely";
import { type Answered, baseUrl, password, Rig } from "../testing/rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start({
    env: { REGISTRATION: "open", DASHBOARD_URL: "http://dashboard.workers.test:8787" },
  });
});
afterAll(() => rig[Symbol.asyncDispose]());

const signIn = (
  email: string,
  more: { password?: string; address?: string; headers?: Record<string, string> } = {},
) =>
  rig.ask("/sign-in", {
    body: { email, password: more.password ?? password },
    ...(more.address === undefined ? {} : { address: more.address }),
    ...(more.headers === undefined ? {} : { headers: more.headers }),
  });

/** All of an answer but what is of one request. */
function comparable({ status, headers, body }: Answered) {
  const { requestId: _, ...error } = body.error ?? {};
  const kept = [...headers].filter(([name]) => name !== "x-request-id");
  return { status, headers: kept, error };
}

describe("signing in", () => {
  test("gives a cookie that pages cannot read, and that shows who one is", async () => {
    await rig.person("ada@example.com");
    const answer = await signIn("Ada@Example.com");
    expect(answer.body).toEqual({ user: { id: expect.any(String), email: "ada@example.com", name: "ada" } });
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^ow_session=ows_[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
    const me = await rig.ask("/me", { headers: { cookie: cookie.split(";")[0] ?? "" } });
    expect(me.body).toMatchObject({ account: "ada", email: "ada@example.com", operator: true });
  });

  test("gives a token instead where one is asked for, of which the database has the hash", async () => {
    await rig.person("tony@example.com");
    const answer = await rig.ask("/sign-in?token=true", { body: { email: "tony@example.com", password } });
    expect(answer.headers.get("set-cookie")).toBe(null);
    const { token } = answer.body;
    expect((await rig.ask("/me", { as: token })).status).toBe(200);
    const { rows } = await rig.database.read((queries) =>
      sql<{ text: string }>`select string_agg(s::text, '') as text from identity.sessions s`.execute(queries),
    );
    expect(rows[0]?.text).not.toContain(token.slice(4));
    // What is stored does not let in.
    const stored = /[0-9a-f]{64}/.exec(rows[0]?.text ?? "")?.[0] ?? "";
    expect((await rig.ask("/me", { as: stored })).status).toBe(401);
  });

  test("under https marks the cookie so that no worker beside the API can set one", async () => {
    await using secure = await Rig.start({ env: { BASE_URL: "https://api.workers.test" } });
    await secure.person("ada@example.com");
    const answer = await secure.ask("/sign-in", { body: { email: "ada@example.com", password } });
    expect(answer.headers.get("set-cookie")).toMatch(
      /^__Host-ow_session=ows_[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+; Secure$/,
    );
    const token = answer.headers.get("set-cookie")?.split(/[=;]/)[1];
    expect((await secure.ask("/me", { headers: { cookie: `ow_session=${token}` } })).status).toBe(401);
    expect((await secure.ask("/me", { headers: { cookie: `__Host-ow_session=${token}` } })).status).toBe(200);
  });

  test("answers the same for a wrong password, an unknown e-mail and one that is not confirmed, and hashes for each", async () => {
    await rig.person("grace@example.com");
    const email = "unconfirmed@example.com";
    expect((await rig.ask("/sign-up", { body: { email, password } })).status).toBe(202);
    await rig.settled();
    const cost = async (name: string, given?: string) => {
      const before = process.cpuUsage();
      const answer = await signIn(name, given === undefined ? {} : { password: given });
      const { user, system } = process.cpuUsage(before);
      return { answer: comparable(answer), cpuMs: (user + system) / 1_000 };
    };
    const wrong = await cost("grace@example.com", "not her password");
    const unknown = await cost("nobody@example.com");
    const unconfirmed = await cost(email);
    expect(wrong.answer).toMatchObject({ status: 401, error: { code: "UNAUTHORIZED" } });
    expect(unknown.answer).toEqual(wrong.answer);
    expect(unconfirmed.answer).toEqual(wrong.answer);
    // One hash is most of all that a sign-in costs.
    expect(unknown.cpuMs).toBeGreaterThan(wrong.cpuMs / 2);
    expect(unconfirmed.cpuMs).toBeGreaterThan(wrong.cpuMs / 2);
  });

  test("is written down, and its failures are", async () => {
    await rig.person("hedy@example.com");
    await signIn("hedy@example.com", { password: "not her password" });
    await signIn("hedy@example.com");
    const entries = (await rig.audited()).filter((entry) => entry.endsWith(" hedy"));
    expect(entries).toEqual([
      "account.create hedy",
      "account.claim_setup hedy",
      "session.create hedy",
      "session.fail hedy",
      "session.create hedy",
    ]);
  });

  test.each([
    [{}, "email"],
    [{ email: "no address", password }, "email"],
    [{ email: "ada@example.com" }, "password"],
    [{ email: "ada@example.com", password: "x".repeat(129) }, "password"],
    [{ email: ["ada@example.com"], password }, "email"],
    [{ email: "ada@example.com", password: { length: 12 } }, "password"],
  ])("refuses %j naming the field", async (body, field) => {
    const answer = await rig.ask("/sign-in", { body, address: "198.51.100.20" });
    expect([answer.status, answer.body.error.code]).toEqual([400, "INVALID_INPUT"]);
    expect(answer.body.error.details.issues.map(({ path }: { path: string }) => path)).toContain(field);
  });

  test("refuses what is no JSON, or too much of it", async () => {
    const cut = await rig.ask("/sign-in", { body: '{"email":' });
    expect([cut.status, cut.body.error.code]).toEqual([400, "INVALID_INPUT"]);
    const plain = await rig.ask("/sign-in", { body: "{}", headers: { "content-type": "text/plain" } });
    expect(plain.status).toBe(415);
    const large = await rig.ask("/sign-in", { body: { email: "x".repeat(20_000), password } });
    expect([large.status, large.body.error.code]).toEqual([413, "BODY_TOO_LARGE"]);
  });
});

describe("a page elsewhere", () => {
  test.each([
    { origin: "http://evil.workers.test:8787" },
    { origin: "null" },
    { origin: `${baseUrl}.evil.example` },
    { "sec-fetch-site": "same-site" },
    { "sec-fetch-site": "cross-site" },
  ])("cannot sign its visitors in, nor out: %j", async (headers: Record<string, string>) => {
    const answer = await signIn("ada@example.com", { headers, address: "198.51.100.30" });
    expect([answer.status, answer.body.error.code]).toEqual([403, "FORBIDDEN"]);
    const token = await freshSession();
    const cookie = `ow_session=${token}`;
    expect((await rig.ask("/sign-out", { method: "POST", headers: { ...headers, cookie } })).status).toBe(
      403,
    );
    expect((await rig.ask("/me", { headers: { cookie } })).status).toBe(200);
  });

  test("is not the dashboard, nor a page of the API's own, nor a tool", async () => {
    for (const headers of [
      { origin: baseUrl },
      { origin: "http://dashboard.workers.test:8787" },
      { "sec-fetch-site": "same-origin" },
    ]) {
      const token = await freshSession();
      const cookie = `ow_session=${token}`;
      const out = await rig.ask("/sign-out", { method: "POST", headers: { ...headers, cookie } });
      expect([out.status, out.headers.get("set-cookie")]).toEqual([
        204,
        expect.stringContaining("Max-Age=0"),
      ]);
      expect((await rig.ask("/me", { headers: { cookie } })).status).toBe(401);
    }
    const token = await freshSession();
    expect((await rig.ask("/sign-out", { method: "POST", as: token })).status).toBe(204);
    // A cookie without any of a browser's marks is not believed.
    const bare = { cookie: `ow_session=${await freshSession()}` };
    expect((await rig.ask("/sign-out", { method: "POST", headers: bare })).status).toBe(403);
  });

  test("is allowed to read nothing", async () => {
    const headers = { origin: "http://evil.workers.test:8787" };
    for (const method of ["GET", "OPTIONS"]) {
      const answer = await rig.ask("/me", { method, headers });
      expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    }
  });

  let origin: string | undefined;
  /** A session of Ada's without the cost of a password. */
  async function freshSession(): Promise<string> {
    origin ??= (await rig.ask("/sign-in?token=true", { body: { email: "ada@example.com", password } })).body
      .token;
    return rig.copySession(origin ?? "");
  }
});

describe("guessing", () => {
  test("is stopped after five times from one address, for that account and that address alone", async () => {
    await rig.person("edsger@example.com");
    const address = "198.51.100.1";
    for (let count = 0; count < 5; count++) {
      expect((await signIn("edsger@example.com", { password: "a wrong guess", address })).status).toBe(401);
    }
    const stopped = await signIn("edsger@example.com", { address });
    expect([stopped.status, stopped.body.error.code]).toEqual([429, "RATE_LIMITED"]);
    const after = Number(stopped.headers.get("retry-after"));
    expect(after).toBeGreaterThan(0);
    expect(after).toBeLessThanOrEqual(15 * 60);
    // He himself, elsewhere, is not; nor is another account from there.
    expect((await signIn("edsger@example.com", { address: "198.51.100.2" })).status).toBe(200);
    expect((await signIn("ada@example.com", { address })).status).toBe(200);
  });

  test("at an e-mail that nobody has is stopped the same way", async () => {
    const address = "198.51.100.3";
    for (let count = 0; count < 5; count++) await signIn("nobody2@example.com", { address });
    expect((await signIn("nobody2@example.com", { address })).status).toBe(429);
  });

  test("many times at once is no more than five times", async () => {
    const address = "198.51.100.4";
    // As many as may hash at a time: what comes beyond is refused for that.
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => signIn("ada@example.com", { password: "a wrong guess", address })),
    );
    const counts = [401, 429].map((status) => answers.filter((answer) => answer.status === status).length);
    expect(counts).toEqual([5, 3]);
  });

  test("a success forgives the failures before it", async () => {
    const address = "198.51.100.5";
    for (let round = 0; round < 2; round++) {
      for (let count = 0; count < 4; count++) {
        expect((await signIn("ada@example.com", { password: "a wrong guess", address })).status).toBe(401);
      }
      expect((await signIn("ada@example.com", { address })).status).toBe(200);
    }
  });

  test("from everywhere at one account is stopped, but for addresses where it is signed in", async () => {
    await rig.person("alan@example.com");
    const home = "198.51.100.6";
    expect((await signIn("alan@example.com", { address: home })).status).toBe(200);
    await rig.spend("sign-in|account|", 50);
    const elsewhere = await signIn("alan@example.com", { address: "198.51.100.7" });
    expect([elsewhere.status, elsewhere.body.error.code]).toEqual([429, "RATE_LIMITED"]);
    expect((await signIn("alan@example.com", { address: home })).status).toBe(200);
    await rig.forgive("sign-in|account|");
    expect((await signIn("alan@example.com", { address: "198.51.100.7" })).status).toBe(200);
  });

  test("from the addresses of one IPv6 network counts as from one", async () => {
    for (let count = 0; count < 5; count++) {
      await signIn("nobody3@example.com", { address: `2001:db8:1:2::${count + 1}` });
    }
    expect((await signIn("nobody3@example.com", { address: "2001:DB8:1:2:ffff::9" })).status).toBe(429);
    expect((await signIn("nobody3@example.com", { address: "2001:db8:1:3::1" })).status).toBe(401);
  });

  test("ends for an address after fifty tries at whatever accounts", async () => {
    const address = "198.51.100.8";
    await signIn("nobody4@example.com", { address });
    await rig.spend(`sign-in|address|${address}`, 50);
    expect((await signIn("nobody5@example.com", { address })).status).toBe(429);
  });
});
