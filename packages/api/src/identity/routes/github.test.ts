import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { clientId, clientSecret, GithubServer, type GithubUser } from "../testing/github-server.ts";
import { baseUrl, password, Rig } from "../testing/rig.ts";
import { totp } from "../testing/totp.ts";

let github: GithubServer;
let rig: Rig;
beforeAll(async () => {
  github = new GithubServer();
  rig = await Rig.start({
    env: {
      REGISTRATION: "open",
      GITHUB_CLIENT_ID: clientId,
      GITHUB_CLIENT_SECRET: clientSecret,
      GITHUB_URL: github.url,
    },
  });
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await github[Symbol.asyncDispose]();
});
beforeEach(() => {
  github.refused.length = 0;
});

const verified = (email: string) => [{ email, primary: true, verified: true }];
const user = (id: number, email: string): GithubUser => ({ id, login: `gh${id}`, emails: verified(email) });
const cookiesOf = (headers: Headers) =>
  headers
    .getSetCookie()
    .map((line) => line.split(";")[0])
    .join("; ");

interface Started {
  readonly url: string;
  readonly cookie: string;
}

async function start(query = ""): Promise<Started> {
  const answer = await rig.ask(`/github${query}`);
  expect(answer.status).toBe(302);
  return { url: answer.headers.get("location") ?? "", cookie: cookiesOf(answer.headers) };
}

/** What the browser is told at GitHub: where to go back to. */
async function backFrom(url: string): Promise<URL> {
  const answer = await fetch(url, { redirect: "manual" });
  return new URL(answer.headers.get("location") ?? "");
}

async function consent(url: string): Promise<string> {
  const back = await backFrom(url);
  expect(`${back.origin}${back.pathname}`).toBe(`${baseUrl}/v1/auth/callback/github`);
  return `/callback/github${back.search}`;
}

const finish = (path: string, cookie: string, as?: string) =>
  rig.ask(path, { headers: { cookie }, ...(as === undefined ? {} : { as }) });

async function signIn(as: GithubUser) {
  github.user = as;
  const { url, cookie } = await start();
  return finish(await consent(url), cookie);
}

const sessionOf = (headers: Headers) => /ow_session=(ows_[\w-]+)/.exec(headers.getSetCookie().join(";"))?.[1];

describe("signing in with GitHub", () => {
  test("makes a person once, known by GitHub's number, and keeps no token of GitHub's", async () => {
    const first = await signIn(user(1, "ada@example.com"));
    expect([first.status, first.headers.get("location")]).toEqual([302, `${baseUrl}/v1/auth/done`]);
    const me = await rig.ask("/me", { as: sessionOf(first.headers) ?? "" });
    expect(me.body).toMatchObject({
      email: "ada@example.com",
      emailVerified: true,
      github: true,
      hasPassword: false,
      operator: false,
    });
    // Another login and another e-mail, the same number.
    const again = await signIn({ ...user(1, "countess@example.com"), login: "lovelace" });
    const meAgain = await rig.ask("/me", { as: sessionOf(again.headers) ?? "" });
    expect(meAgain.body).toEqual(me.body);
    const accounts = await rig.database.read((queries) =>
      queries.selectFrom("identity.accounts").selectAll().execute(),
    );
    expect(JSON.stringify(accounts)).not.toContain("gho_");
  });

  test("does not let in by an e-mail that an account here has, verified or not", async () => {
    await rig.person("grace@example.com");
    for (const emails of [
      verified("grace@example.com"),
      [{ email: "grace@example.com", primary: true, verified: false }],
    ]) {
      const answer = await signIn({ id: 2, login: "eve", emails });
      expect(answer.headers.get("location")).toMatch(/\?error=/);
      expect(sessionOf(answer.headers)).toBe(undefined);
    }
    const linked = await rig.database.read((queries) =>
      queries.selectFrom("identity.accounts").select("id").where("account_id", "=", "2").execute(),
    );
    expect(linked).toEqual([]);
  });

  test("makes nobody of an account without a verified e-mail", async () => {
    const answer = await signIn({
      id: 3,
      login: "mallory",
      emails: [{ email: "victim@example.com", primary: true, verified: false }],
    });
    expect(answer.headers.get("location")).toMatch(/\?error=/);
    expect(sessionOf(answer.headers)).toBe(undefined);
  });

  test("takes an answer in the browser that asked only, and once", async () => {
    github.user = user(4, "alan@example.com");
    const [mine, other] = [await start(), await start()];
    const path = await consent(mine.url);
    for (const cookie of ["", other.cookie, `${mine.cookie}x`]) {
      const stolen = await finish(path, cookie);
      expect(stolen.headers.get("location")).toMatch(/\?error=state_mismatch/);
      expect(sessionOf(stolen.headers)).toBe(undefined);
    }
    // A wrong cookie has used the state up or has not; what counts is that it lets nobody in twice.
    const fresh = await start();
    const good = await consent(fresh.url);
    expect(sessionOf((await finish(good, fresh.cookie)).headers)).toBeDefined();
    const replayed = await finish(good, fresh.cookie);
    expect(sessionOf(replayed.headers)).toBe(undefined);
  });

  test("proves with PKCE that it asked: a code of another start is refused", async () => {
    github.user = user(5, "kurt@example.com");
    const [mine, eves] = [await start(), await start()];
    const code = new URLSearchParams((await consent(eves.url)).split("?")[1]).get("code");
    const state = new URL(mine.url).searchParams.get("state");
    const answer = await finish(
      `/callback/github?${new URLSearchParams({ code: code ?? "", state: state ?? "" })}`,
      mine.cookie,
    );
    expect(answer.headers.get("location")).toMatch(/\?error=/);
    expect(github.refused).toEqual(["bad_code_verifier"]);
  });

  test("leads back to pages of the platform only", async () => {
    const good = await rig.ask(`/github?${new URLSearchParams({ returnTo: `${baseUrl}/hello` })}`);
    expect(good.status).toBe(302);
    for (const returnTo of [
      "http://evil.workers.test:8787/",
      `${baseUrl}.evil.example/`,
      `http://api.workers.test:8787@evil.example/`,
      "//evil.example/",
      "javascript:alert(1)",
    ]) {
      const answer = await rig.ask(`/github?${new URLSearchParams({ returnTo })}`);
      expect([returnTo, answer.status, answer.body.error?.details.issues[0].path]).toEqual([
        returnTo,
        400,
        "returnTo",
      ]);
    }
  });

  test("says that GitHub refused", async () => {
    github.user = undefined;
    const { url, cookie } = await start();
    const answer = await finish(await consent(url), cookie);
    expect(answer.headers.get("location")).toMatch(/\/v1\/auth\/done\?error=access_denied/);
    const page = await rig.ask(`/done?error=${encodeURIComponent("<script>alert(1)</script>")}`);
    expect(page.body).not.toContain("<script>");
  });

  test("is followed by a code for whoever has two-factor sign-in", async () => {
    const token = await rig.person("hedy@example.com");
    await link(token, user(6, "hedy@example.com"));
    const begun = await rig.ask("/two-factor", { as: token, body: { password } });
    const on = await rig.ask("/two-factor/confirm", {
      as: token,
      body: { code: totp(begun.body.secret) },
    });
    expect(on.status).toBe(200);
    const answer = await signIn(user(6, "hedy@example.com"));
    expect(sessionOf(answer.headers)).toBe(undefined);
    const { hash, search } = new URL(answer.headers.get("location") ?? "");
    expect(search).toBe("");
    const challenge = new URLSearchParams(hash.slice(1)).get("two-factor");
    const wrong = await rig.ask("/sign-in/second-factor", { body: { challenge, code: "000000" } });
    expect(wrong.status).toBe(401);
    const right = await rig.ask("/sign-in/second-factor", {
      body: { challenge, code: totp(begun.body.secret, 1) },
    });
    expect([right.status, right.body.user.email]).toEqual([200, "hedy@example.com"]);
  });
});

/** Links an account of GitHub's to whoever the session is of. */
async function link(token: string, as: GithubUser) {
  github.user = as;
  const started = await rig.ask("/github/link", { as: token, body: {} });
  expect(started.status).toBe(200);
  return finish(await consent(started.body.url), cookiesOf(started.headers), token);
}

describe("an account of GitHub's", () => {
  test("is linked by whoever is signed in, and lets them in from then on", async () => {
    const token = await rig.person("edsger@example.com");
    const linked = await link(token, user(7, "other@example.com"));
    expect(linked.headers.get("location")).toBe(`${baseUrl}/v1/auth/done`);
    expect((await rig.ask("/me", { as: token })).body.github).toBe(true);
    const answer = await signIn(user(7, "other@example.com"));
    expect((await rig.ask("/me", { as: sessionOf(answer.headers) ?? "" })).body.email).toBe(
      "edsger@example.com",
    );
    // The same again changes nothing.
    expect((await link(token, user(7, "other@example.com"))).headers.get("location")).toBe(
      `${baseUrl}/v1/auth/done`,
    );
    expect((await rig.ask("/github", { method: "DELETE", as: token })).status).toBe(204);
    expect((await rig.ask("/github", { method: "DELETE", as: token })).status).toBe(404);
  });

  test("of somebody else's is not taken", async () => {
    const mine = await rig.person("margaret@example.com");
    await link(mine, user(8, "margaret@example.com"));
    const theirs = await rig.person("eve@example.com");
    const answer = await link(theirs, user(8, "margaret@example.com"));
    expect(answer.headers.get("location")).toMatch(/\?error=/);
    expect((await rig.ask("/me", { as: theirs })).body.github).toBe(false);
  });

  test("is not unlinked when nothing else lets in", async () => {
    const answer = await signIn(user(9, "katherine@example.com"));
    const unlinked = await rig.ask("/github", { method: "DELETE", as: sessionOf(answer.headers) ?? "" });
    expect([unlinked.status, unlinked.body.error.code]).toEqual([409, "CONFLICT"]);
  });
});

describe("from the dashboard", () => {
  const dashboard = "http://workers.test:8787";

  test("GitHub leads back to the origin whose cookie the browser has, and a failure to the sign-in page", async () => {
    await using rigged = await Rig.start({
      env: {
        REGISTRATION: "open",
        DASHBOARD_URL: `${dashboard} http://dashboard.workers.test:8787`,
        GITHUB_CLIENT_ID: clientId,
        GITHUB_CLIENT_SECRET: clientSecret,
        GITHUB_URL: github.url,
      },
    });
    expect((await rigged.ask("/options")).body.github).toBe(true);
    for (const origin of [dashboard, "http://dashboard.workers.test:8787", baseUrl]) {
      github.user = user(20, "ada@example.com");
      const started = await rigged.ask("/github", { origin });
      const back = await backFrom(started.headers.get("location") ?? "");
      expect(back.origin).toBe(origin);
      const headers = { cookie: cookiesOf(started.headers) };
      const answer = await rigged.ask(`/callback/github${back.search}`, { origin, headers });
      expect([answer.headers.get("location"), typeof sessionOf(answer.headers)]).toEqual([
        origin === baseUrl ? `${baseUrl}/v1/auth/done` : `${origin}/sign-in`,
        "string",
      ]);
    }
    // Without the cookie that binds the answer to this browser, better-auth knows no page to lead to.
    const lost = await rigged.ask("/callback/github?code=a&state=b", { origin: dashboard });
    expect(lost.headers.get("location")).toMatch(/^http:\/\/workers\.test:8787\/sign-in\?error=/);
    // A host that is none of the platform's leads nowhere else than before.
    const odd = await rigged.ask("/github", { origin: "http://evil.test:8787" });
    expect((await backFrom(odd.headers.get("location") ?? "")).origin).toBe(baseUrl);
  });
});

describe("a platform without GitHub", () => {
  test("says so", async () => {
    await using plain = await Rig.start();
    for (const path of ["/github", "/callback/github?code=a&state=b"]) {
      expect((await plain.ask(path)).status).toBe(404);
    }
  });

  test("or with registration closed lets in nobody new", async () => {
    await using closed = await Rig.start({
      env: { GITHUB_CLIENT_ID: clientId, GITHUB_CLIENT_SECRET: clientSecret, GITHUB_URL: github.url },
    });
    github.user = user(10, "new@example.com");
    const started = await closed.ask("/github");
    const path = await consent(started.headers.get("location") ?? "");
    const answer = await closed.ask(path, { headers: { cookie: cookiesOf(started.headers) } });
    expect(answer.headers.get("location")).toMatch(/\?error=signup_disabled/);
    expect(sessionOf(answer.headers)).toBe(undefined);
  });
});
