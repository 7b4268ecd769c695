import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createResetLink } from "@openworkers/db";
import { sql } from "kysely";
import { password, Rig } from "../testing/rig.ts";

const next = "staple battery horse";

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterAll(() => rig[Symbol.asyncDispose]());

const signIn = (email: string, given: string) =>
  rig.ask("/sign-in?token=true", { body: { email, password: given } });

describe("changing a password", () => {
  test("needs the old one, ends every other session, and tells by mail", async () => {
    const token = await rig.person("ada@example.com");
    const other = await rig.copySession(token);
    const wrong = await rig.ask("/password", {
      as: token,
      body: { currentPassword: "not this one", newPassword: next },
    });
    expect([wrong.status, wrong.body.error.code]).toEqual([403, "FORBIDDEN"]);
    expect((await rig.ask("/me", { as: other })).status).toBe(200);
    const changed = await rig.ask("/password", {
      as: token,
      body: { currentPassword: password, newPassword: next },
    });
    expect(changed.status).toBe(200);
    expect((await rig.ask("/me", { as: changed.body.token })).status).toBe(200);
    for (const ended of [token, other]) expect((await rig.ask("/me", { as: ended })).status).toBe(401);
    expect((await signIn("ada@example.com", password)).status).toBe(401);
    expect((await signIn("ada@example.com", next)).status).toBe(200);
    expect((await rig.mails("ada@example.com")).map(({ template }) => template)).toEqual([
      "password-changed",
    ]);
    expect(await rig.audited()).toContain("password.change ada");
  });

  test("needs a sign-in of the last minutes", async () => {
    const token = await rig.person("grace@example.com");
    await rig.age(token, "11 minutes");
    const answer = await rig.ask("/password", {
      as: token,
      body: { currentPassword: password, newPassword: next },
    });
    expect([answer.status, answer.body.error.details.reason]).toEqual([403, "fresh-sign-in-needed"]);
    expect((await signIn("grace@example.com", password)).status).toBe(200);
  });

  test("gives a browser its new cookie", async () => {
    const token = await rig.person("hedy@example.com");
    const changed = await rig.ask("/password", {
      body: { currentPassword: password, newPassword: next },
      headers: { cookie: `ow_session=${token}`, "sec-fetch-site": "same-origin" },
    });
    expect(changed.body).toEqual({});
    const cookie = changed.headers.get("set-cookie")?.split(";")[0] ?? "";
    expect((await rig.ask("/me", { headers: { cookie } })).status).toBe(200);
  });

  test("does not serve a stolen session to guess the old one", async () => {
    const token = await rig.person("alan@example.com");
    const guess = () =>
      rig.ask("/password", { as: token, body: { currentPassword: "a wrong guess", newPassword: next } });
    expect((await guess()).status).toBe(403);
    await rig.spend("own-password|both|", 10);
    expect((await guess()).status).toBe(429);
    await rig.forgive("own-password|both|");
  });
});

describe("a forgotten password", () => {
  test("is replaced through a link, once, which ends every session", async () => {
    const email = "kurt@example.com";
    const session = await rig.person(email);
    expect((await rig.ask("/password/forgot", { body: { email } })).body).toEqual({ status: "accepted" });
    const token = await rig.mailedToken(email);
    const page = await rig.ask(`/password/reset?token=${token}`);
    expect(page.body).toContain(`value="${token}"`);
    const short = await rig.ask("/password/reset", { body: { token, newPassword: "short" } });
    expect(short.body.error.details.issues[0].path).toBe("newPassword");
    expect((await rig.ask("/password/reset", { body: { token, newPassword: next } })).status).toBe(204);
    expect((await rig.ask("/me", { as: session })).status).toBe(401);
    expect((await signIn(email, next)).status).toBe(200);
    const again = await rig.ask("/password/reset", { body: { token, newPassword: "yet another one" } });
    expect([again.status, again.body.error.code]).toEqual([400, "INVALID_INPUT"]);
    expect((await signIn(email, next)).status).toBe(200);
    expect((await rig.mails(email)).map(({ template }) => template)).toEqual([
      "reset-password",
      "password-changed",
    ]);
  });

  test("has its link lead to the dashboard where there is one, and to a page of our own where not", async () => {
    await using withDashboard = await Rig.start({
      env: { DASHBOARD_URL: "https://workers.test https://dashboard.workers.test" },
    });
    const linkOf = async (of: Rig) => {
      const email = "emmy@example.com";
      await of.person(email);
      await of.ask("/password/forgot", { body: { email } });
      return (await of.mails(email)).at(-1)?.link;
    };
    expect(await linkOf(withDashboard)).toMatch(/^https:\/\/workers\.test\/reset\?token=[\w-]{16,}$/);
    expect(await linkOf(rig)).toMatch(
      /^http:\/\/api\.workers\.test:8787\/v1\/auth\/password\/reset\?token=[\w-]{16,}$/,
    );
  });

  test("is replaced by one of two who use the link at once", async () => {
    const email = "edsger@example.com";
    await rig.person(email);
    await rig.ask("/password/forgot", { body: { email } });
    const token = await rig.mailedToken(email);
    const given = ["the password of one", "the password of two"];
    const answers = await Promise.all(
      given.map((newPassword) => rig.ask("/password/reset", { body: { token, newPassword } })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 400]);
    const works = await Promise.all(given.map(async (each) => (await signIn(email, each)).status));
    expect(works).toEqual(answers.map(({ status }) => (status === 204 ? 200 : 401)));
  });

  test("answers the same for an e-mail that nobody has, and mails nothing", async () => {
    await rig.person("barbara@example.com");
    const [known, unknown] = await Promise.all(
      ["barbara@example.com", "nobody@example.com"].map((email) =>
        rig.ask("/password/forgot", { body: { email } }),
      ),
    );
    expect([unknown?.status, unknown?.body]).toEqual([known?.status, known?.body]);
    expect(await rig.mails("barbara@example.com")).toHaveLength(1);
    expect(await rig.mails("nobody@example.com")).toEqual([]);
  });

  test("sends no more than three mails an hour for one address that asks", async () => {
    const body = { email: "barbara@example.com" };
    const statuses = [];
    for (let count = 0; count < 4; count++) {
      statuses.push((await rig.ask("/password/forgot", { body, address: "198.51.100.50" })).status);
    }
    expect(statuses).toEqual([202, 202, 202, 429]);
  });

  test("leaves nothing in the database that is a link", async () => {
    const email = "donald@example.com";
    await rig.person(email);
    await rig.ask("/password/forgot", { body: { email } });
    const token = await rig.mailedToken(email);
    const { rows } = await rig.database.read((queries) =>
      sql<{ text: string }>`
        select concat((select string_agg(v::text, '') from identity.verifications v),
          (select string_agg(m::text, '') from identity.mails m)) as text`.execute(queries),
    );
    expect(rows[0]?.text.length).toBeGreaterThan(100);
    expect(rows[0]?.text).not.toContain(token);
    expect(rows[0]?.text).not.toContain(Buffer.from(token).toString("hex"));
  });

  test("expires", async () => {
    const email = "margaret@example.com";
    await rig.person(email);
    await rig.ask("/password/forgot", { body: { email } });
    const token = await rig.mailedToken(email);
    await rig.database.read((queries) =>
      sql`update identity.verifications set expires_at = now()`.execute(queries),
    );
    expect((await rig.ask("/password/reset", { body: { token, newPassword: next } })).status).toBe(400);
  });

  test("is replaced through a link of an operator's where no mail is sent", async () => {
    const email = "katherine@example.com";
    await rig.person(email);
    const { token } = await createResetLink(rig.database, "Katherine@example.com");
    expect((await rig.ask("/password/reset", { body: { token, newPassword: next } })).status).toBe(204);
    expect((await signIn(email, next)).status).toBe(200);
    expect((await rig.ask("/password/reset", { body: { token, newPassword: password } })).status).toBe(400);
    expect(createResetLink(rig.database, "nobody@example.com")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
