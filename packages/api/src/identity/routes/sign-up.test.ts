import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { newId } from "@openworkers/core";
import { sql } from "kysely";
import { password, Rig } from "../testing/rig.ts";

let rig: Rig;
let open: Rig;
beforeAll(async () => {
  [rig, open] = await Promise.all([Rig.start(), Rig.start({ env: { REGISTRATION: "open" } })]);
});
afterAll(async () => {
  await rig[Symbol.asyncDispose]();
  await open[Symbol.asyncDispose]();
});

describe("the one-time link", () => {
  test("makes an operator, once", async () => {
    const token = await rig.setupToken();
    const page = await rig.ask(`/setup?token=${token}`);
    expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    const made = await rig.ask("/setup?token=true", {
      body: { token, email: "ada@example.com", password, name: "Ada" },
    });
    expect(made.status).toBe(201);
    expect((await rig.ask("/me", { as: made.body.token })).body).toEqual({
      id: made.body.user.id,
      account: "ada",
      name: "Ada",
      email: "ada@example.com",
      emailVerified: true,
      operator: true,
      twoFactor: false,
      hasPassword: true,
      github: false,
    });
    const again = await rig.ask("/setup", { body: { token, email: "eve@example.com", password } });
    expect([again.status, again.body.error.code]).toEqual([400, "INVALID_INPUT"]);
    expect(await accounts(rig, "eve@example.com")).toBe(0);
  });

  test("makes one operator of two who use it at once, and nobody of the other", async () => {
    const token = await rig.setupToken();
    const emails = ["one@example.com", "two@example.com"];
    const answers = await Promise.all(
      emails.map((email, index) =>
        rig.ask("/setup", { body: { token, email, password }, address: `198.51.100.${index}` }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400]);
    const made = await Promise.all(emails.map((email) => accounts(rig, email)));
    expect(made.sort()).toEqual([0, 1]);
  });

  test("is of no use with another used, when it has expired, or for an e-mail that has an account", async () => {
    const [used, other] = [await rig.setupToken(), await rig.setupToken()];
    expect(
      (await rig.ask("/setup", { body: { token: used, email: "kurt@example.com", password } })).status,
    ).toBe(201);
    expect(
      (await rig.ask("/setup", { body: { token: other, email: "eve@example.com", password } })).status,
    ).toBe(400);
    const expired = await rig.setupToken();
    await rig.database.read((queries) =>
      sql`update identity.setup_links set expires_at = now()`.execute(queries),
    );
    expect(
      (await rig.ask("/setup", { body: { token: expired, email: "eve@example.com", password } })).status,
    ).toBe(400);
    const token = await rig.setupToken();
    const taken = await rig.ask("/setup", { body: { token, email: "kurt@example.com", password } });
    expect([taken.status, taken.body.error.code]).toEqual([409, "CONFLICT"]);
    // And it is good still.
    expect((await rig.ask("/setup", { body: { token, email: "grace@example.com", password } })).status).toBe(
      201,
    );
  });

  test("cannot be guessed for ever", async () => {
    const address = "198.51.100.40";
    await rig.ask("/setup", { body: { token: "x".repeat(43), email: "eve@example.com", password }, address });
    await rig.spend(`setup|address|${address}`, 20);
    const token = await rig.setupToken();
    const answer = await rig.ask("/setup", { body: { token, email: "eve@example.com", password }, address });
    expect(answer.status).toBe(429);
  });
});

test("whoever comes is told whether registration is open", async () => {
  const told = async (of: Rig) => (await of.ask("/options")).body;
  expect(await told(rig)).toEqual({ registration: "closed", github: false });
  expect(await told(open)).toEqual({ registration: "open", github: false });
});

describe("closed registration", () => {
  test("makes nobody", async () => {
    const answer = await rig.ask("/sign-up", { body: { email: "eve@example.com", password } });
    expect([answer.status, answer.body.error.code]).toEqual([403, "FORBIDDEN"]);
    expect(await accounts(rig, "eve@example.com")).toBe(0);
  });
});

describe("open registration", () => {
  test("makes somebody who can sign in once the e-mail is confirmed, and is no operator", async () => {
    const email = "ada@example.com";
    const answer = await open.ask("/sign-up", { body: { email, password, name: "Ada" } });
    expect([answer.status, answer.body, answer.headers.get("set-cookie")]).toEqual([
      202,
      { status: "accepted" },
      null,
    ]);
    expect((await open.ask("/sign-in", { body: { email, password } })).status).toBe(401);
    const token = await open.mailedToken(email);
    const page = await open.ask(`/email/verify?token=${token}`);
    expect(page.status).toBe(200);
    // Opened by a mail server that looks at links.
    expect((await open.ask("/sign-in", { body: { email, password } })).status).toBe(401);
    expect((await open.ask("/email/verify", { body: { token } })).status).toBe(204);
    const signedIn = await open.ask("/sign-in?token=true", { body: { email, password } });
    expect((await open.ask("/me", { as: signedIn.body.token })).body).toMatchObject({
      name: "Ada",
      operator: false,
    });
    expect(await open.audited()).toContain("email.verify ada");
  });

  test("answers the same for an e-mail that has an account, costs as much, and changes nothing of it", async () => {
    const email = "grace@example.com";
    const ask = async (given: string) => {
      const before = process.cpuUsage();
      const { status, body, headers } = await open.ask("/sign-up", { body: { email, password: given } });
      const { user, system } = process.cpuUsage(before);
      return { answer: { status, body, names: [...headers.keys()].sort() }, cpuMs: (user + system) / 1_000 };
    };
    const first = await ask(password);
    const second = await ask("another password");
    expect(second.answer).toEqual(first.answer);
    expect(second.cpuMs).toBeGreaterThan(first.cpuMs / 2);
    const mails = await open.mails(email);
    expect(mails.map(({ template }) => template)).toEqual(["verify-email", "already-registered"]);
    await open.ask("/email/verify", {
      body: { token: new URL(mails[0]?.link ?? "").searchParams.get("token") },
    });
    expect((await open.ask("/sign-in", { body: { email, password: "another password" } })).status).toBe(401);
    expect((await open.ask("/sign-in", { body: { email, password } })).status).toBe(200);
  });

  test("makes one of two with the same e-mail at once", async () => {
    const email = "hedy@example.com";
    const answers = await Promise.all([1, 2].map(() => open.ask("/sign-up", { body: { email, password } })));
    expect(answers.map(({ status }) => status)).toEqual([202, 202]);
    expect(await accounts(open, email)).toBe(1);
  });

  test("gives names that are free, and none of the platform's own", async () => {
    const names = [];
    for (const email of ["admin@example.com", "sam@example.com", "sam@example.org", "Ünï+öder@example.com"]) {
      await open.ask("/sign-up", { body: { email, password } });
    }
    const { rows } = await open.database.read((queries) =>
      sql<{ email: string; name: string }>`
        select email, u.name from users u join identity.users i using (id)`.execute(queries),
    );
    for (const { email, name } of rows) names.push(`${email} ${name}`);
    expect(names).toContain("admin@example.com admin-2");
    expect(names).toContain("sam@example.com sam");
    expect(names).toContain("sam@example.org sam-2");
  });

  test.each([
    ["short", "a1b2c3d4e"],
    ["endless", "x1y2z".repeat(26)],
    ["of one character", "aaaaaaaaaaaaaaaa"],
    ["common", "password123"],
    ["common", "1234567890"],
    ["common", "qwertyuiop123"],
  ])("refuses a password that is %s: %s", async (_why, bad) => {
    const answer = await open.ask("/sign-up", { body: { email: "new@example.com", password: bad } });
    expect([answer.status, answer.body.error?.details?.issues[0].path]).toEqual([400, "password"]);
  });

  test("takes a made-up or changed confirmation for none", async () => {
    await open.ask("/sign-up", { body: { email: "alan@example.com", password } });
    const token = await open.mailedToken("alan@example.com");
    const [head, , signature] = token.split(".");
    const claims = Buffer.from(JSON.stringify({ email: "ada@example.com", exp: 4e9 })).toString("base64url");
    for (const bad of [`${token.slice(0, -4)}AAAA`, `${head}.${claims}.${signature}`, "x".repeat(64)]) {
      expect((await open.ask("/email/verify", { body: { token: bad } })).status).toBe(400);
    }
    const other = await Rig.start({ env: { REGISTRATION: "open" } });
    // Of another platform.
    expect((await other.ask("/email/verify", { body: { token } })).status).toBe(400);
    await other[Symbol.asyncDispose]();
  });

  test("sends another link to whoever waits for one, and says nothing about others", async () => {
    const email = "barbara@example.com";
    await open.ask("/sign-up", { body: { email, password } });
    const known = await open.ask("/email/verify/resend", { body: { email } });
    const unknown = await open.ask("/email/verify/resend", { body: { email: "nobody@example.com" } });
    expect([known.status, known.body]).toEqual([202, { status: "accepted" }]);
    expect([unknown.status, unknown.body]).toEqual([known.status, known.body]);
    expect((await open.mails(email)).map(({ template }) => template)).toEqual([
      "verify-email",
      "verify-email",
    ]);
    expect(await open.mails("nobody@example.com")).toEqual([]);
  });
});

describe("an invitation", () => {
  test("makes somebody who is a member at once, once", async () => {
    const { token, organisation } = await invite("invited@example.com");
    const made = await rig.ask("/sign-up/invited?token=true", {
      body: { invitation: token, password, name: "Ivy" },
    });
    expect([made.status, made.body.user.email]).toEqual([201, "invited@example.com"]);
    const { rows } = await rig.database.read((queries) =>
      sql`select organisation_id, role from members where user_id = ${made.body.user.id}`.execute(queries),
    );
    expect(rows).toEqual([{ organisation_id: organisation, role: "developer" }]);
    expect((await rig.ask("/me", { as: made.body.token })).body.operator).toBe(false);
    const again = await rig.ask("/sign-up/invited", { body: { invitation: token, password } });
    expect([again.status, again.body.error.code]).toEqual([400, "INVALID_INPUT"]);
  });

  test("says whom it is for and what it invites to, while it is good", async () => {
    const { token, organisation } = await invite("asked@example.com");
    const { rows } = await rig.database.read((queries) =>
      sql<{ name: string }>`select name from users where id = ${organisation}`.execute(queries),
    );
    const asked = await rig.ask("/sign-up/invitation", { body: { invitation: token } });
    expect([asked.status, asked.body]).toEqual([
      200,
      { email: "asked@example.com", organisation: rows[0]?.name },
    ]);
    const old = await invite("asked-late@example.com", "-1 hour");
    for (const invitation of [old.token, `${token}x`]) {
      const answer = await rig.ask("/sign-up/invitation", { body: { invitation } });
      expect([answer.status, answer.body.error.code]).toEqual([400, "INVALID_INPUT"]);
    }
  });

  test("is mailed to whom it is for where mail is sent, and to nobody without its token", async () => {
    await using sending = await Rig.start({ env: { MAIL: "on", DASHBOARD_URL: "http://workers.test" } });
    const { token, organisation } = await invite("mailed@example.com", "1 day", sending);
    const mail = (of: Rig, invitation: string) =>
      of.ask("/sign-up/invitation/mail", { body: { invitation } });
    expect(await mail(sending, token)).toMatchObject({ status: 200, body: { mailed: true } });
    expect(await sending.mails("mailed@example.com")).toMatchObject([
      {
        template: "invitation",
        link: `http://workers.test/sign-up/invited?token=${token}`,
        organisation: `org-${organisation}`,
      },
    ]);
    expect((await mail(sending, `${token}x`)).status).toBe(400);
    // Nobody's mailbox is filled with it.
    for (let times = 0; times < 2; times++) await mail(sending, token);
    expect((await mail(sending, token)).status).toBe(429);
    expect(await sending.mails("mailed@example.com")).toHaveLength(3);
    const silent = await invite("by-hand@example.com");
    expect((await mail(rig, silent.token)).body).toEqual({ mailed: false });
    expect(await rig.mails("by-hand@example.com")).toEqual([]);
  });

  test("has a page of its own where there is no dashboard", async () => {
    const { status, body, headers } = await rig.ask(`/sign-up/invited?token=${"x".repeat(40)}`);
    expect([status, headers.get("referrer-policy")]).toEqual([200, "no-referrer"]);
    expect(body).toContain(`name="invitation" value="${"x".repeat(40)}"`);
  });

  test("that has expired, or is for somebody with an account, makes nobody", async () => {
    const old = await invite("late@example.com", "-1 hour");
    expect((await rig.ask("/sign-up/invited", { body: { invitation: old.token, password } })).status).toBe(
      400,
    );
    await rig.person("here@example.com");
    const taken = await invite("here@example.com");
    const answer = await rig.ask("/sign-up/invited", { body: { invitation: taken.token, password } });
    expect([answer.status, answer.body.error.code]).toEqual([409, "CONFLICT"]);
  });
});

async function accounts(of: Rig, email: string): Promise<number> {
  const { rows } = await of.database.read((queries) =>
    sql<{ count: number }>`
      select count(*)::integer as count from identity.users i join users u using (id) where email = ${email}`.execute(
      queries,
    ),
  );
  return rows[0]?.count ?? 0;
}

async function invite(email: string, life = "1 day", into = rig) {
  const [organisation, inviter] = [newId<"user">(), newId<"user">()];
  const token = randomBytes(32).toString("base64url");
  await into.database.read(async (queries) => {
    await sql`insert into users (id, name, kind) values
      (${organisation}, ${`org-${organisation}`}, 'organisation'), (${inviter}, ${`by-${inviter}`}, 'person')`.execute(
      queries,
    );
    await sql`
      insert into invitations (id, organisation_id, email, role, hash, invited_by, expires_at)
      values (${newId()}, ${organisation}, ${email}, 'developer', ${createHash("sha256").update(token).digest()},
        ${inviter}, now() + ${life}::interval)`.execute(queries);
  });
  return { token, organisation };
}
