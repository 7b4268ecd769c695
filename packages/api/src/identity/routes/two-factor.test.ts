import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { password, Rig } from "../testing/rig.ts";
import { totp } from "../testing/totp.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
});
afterAll(() => rig[Symbol.asyncDispose]());

interface Enrolled {
  readonly email: string;
  readonly token: string;
  readonly secret: string;
  readonly recoveryCodes: readonly string[];
  /** The code that turned it on. */
  readonly used: string;
}

/** Somebody with two-factor sign-in, whose next code is unused however the clock goes on. */
async function enrolled(email: string): Promise<Enrolled> {
  const first = await rig.person(email);
  const begun = await rig.ask("/two-factor", { as: first, body: { password } });
  expect(begun.status).toBe(200);
  const { secret, recoveryCodes } = begun.body;
  const used = totp(secret);
  const confirmed = await rig.ask("/two-factor/confirm", { as: first, body: { code: used } });
  expect(confirmed.status).toBe(200);
  return { email, token: confirmed.body.token, secret, recoveryCodes, used };
}

async function challenge(email: string): Promise<string> {
  const answer = await rig.ask("/sign-in?token=true", { body: { email, password } });
  expect(answer.body).toEqual({ twoFactor: { challenge: expect.any(String), expiresInSeconds: 600 } });
  expect(answer.headers.get("set-cookie")).toBe(null);
  return answer.body.twoFactor.challenge;
}

const second = (body: unknown) => rig.ask("/sign-in/second-factor?token=true", { body });

describe("two-factor sign-in", () => {
  test("is offered with a secret, its URI and recovery codes, and is on once a code was right", async () => {
    const token = await rig.person("ada@example.com");
    const begun = await rig.ask("/two-factor", { as: token, body: { password } });
    expect(begun.body.secret).toMatch(/^[A-Z2-7]{32,}$/);
    expect(begun.body.uri).toMatch(/^otpauth:\/\/totp\/OpenWorkers:ada%40example\.com\?/);
    expect(begun.body.recoveryCodes).toHaveLength(10);
    // Not on yet.
    expect((await rig.ask("/sign-in", { body: { email: "ada@example.com", password } })).body).toHaveProperty(
      "user",
    );
    const wrong = await rig.ask("/two-factor/confirm", { as: token, body: { code: "000000" } });
    expect([wrong.status, wrong.body.error.code]).toEqual([401, "UNAUTHORIZED"]);
    const other = await rig.ask("/sign-in?token=true", { body: { email: "ada@example.com", password } });
    const on = await rig.ask("/two-factor/confirm", { as: token, body: { code: totp(begun.body.secret) } });
    expect(on.status).toBe(200);
    expect((await rig.ask("/me", { as: on.body.token })).body.twoFactor).toBe(true);
    // Sessions that a password alone had made are over.
    expect((await rig.ask("/me", { as: other.body.token })).status).toBe(401);
    expect((await rig.ask("/me", { as: token })).status).toBe(401);
  });

  test("asks for a code after the password, and takes each code once", async () => {
    const { secret, email } = await enrolled("grace@example.com");
    const code = totp(secret, 1);
    const answer = await second({ challenge: await challenge(email), code });
    expect([answer.status, answer.body.user.email]).toEqual([200, email]);
    const again = await second({ challenge: await challenge(email), code });
    expect([again.status, again.body.error.code]).toEqual([401, "UNAUTHORIZED"]);
    expect(await rig.audited()).toContain("two_factor.fail grace");
  });

  test("does not take the code that turned it on for a sign-in", async () => {
    const { used, email } = await enrolled("hedy@example.com");
    expect((await second({ challenge: await challenge(email), code: used })).status).toBe(401);
  });

  test("lets one of two in that use a code at once", async () => {
    const { secret, email } = await enrolled("edsger@example.com");
    const challenges = [await challenge(email), await challenge(email)];
    const code = totp(secret, 1);
    const answers = await Promise.all(challenges.map((each) => second({ challenge: each, code })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401]);
    const sessions = await rig.ask("/sessions", {
      as: answers.find(({ status }) => status === 200)?.body.token,
    });
    expect(sessions.body.items).toHaveLength(2);
  });

  test("takes a recovery code once, instead of a code", async () => {
    const { email, recoveryCodes } = await enrolled("alan@example.com");
    const [recoveryCode] = recoveryCodes;
    expect((await second({ challenge: await challenge(email), recoveryCode })).status).toBe(200);
    expect((await second({ challenge: await challenge(email), recoveryCode })).status).toBe(401);
    expect((await second({ challenge: await challenge(email), recoveryCode: "aaaaa-aaaaa" })).status).toBe(
      401,
    );
  });

  test("ends a sign-in after five wrong codes, and takes no made-up challenge", async () => {
    const { secret, email } = await enrolled("kurt@example.com");
    const waiting = await challenge(email);
    for (let count = 0; count < 5; count++) {
      expect((await second({ challenge: waiting, code: "000000" })).status).toBe(401);
    }
    expect((await second({ challenge: waiting, code: totp(secret, 1) })).status).toBe(401);
    for (const made of [
      `2fa-${"x".repeat(20)}.${"y".repeat(44)}`,
      "x; ow.session_token=aaaaaaaa",
      "%zz".repeat(8),
    ]) {
      expect((await second({ challenge: made, code: totp(secret, 1) })).status).toBe(401);
    }
  });

  test("a challenge is not a session", async () => {
    const { email } = await enrolled("barbara@example.com");
    const waiting = await challenge(email);
    for (const headers of [
      { authorization: `Bearer ${waiting}` },
      { cookie: `ow_session=${waiting}` },
      { cookie: `ow.two_factor=${waiting}` },
    ]) {
      expect((await rig.ask("/me", { headers })).status).toBe(401);
    }
  });

  test("makes new recovery codes for the password, and the old ones useless", async () => {
    const { email, token, recoveryCodes } = await enrolled("john@example.com");
    const wrong = await rig.ask("/two-factor/recovery-codes", {
      as: token,
      body: { password: "not this one" },
    });
    expect([wrong.status, wrong.body.error.code]).toEqual([403, "FORBIDDEN"]);
    const made = await rig.ask("/two-factor/recovery-codes", { as: token, body: { password } });
    expect(made.body.recoveryCodes).toHaveLength(10);
    const [old] = recoveryCodes;
    expect((await second({ challenge: await challenge(email), recoveryCode: old })).status).toBe(401);
    const [next] = made.body.recoveryCodes;
    expect((await second({ challenge: await challenge(email), recoveryCode: next })).status).toBe(200);
  });

  test("is turned off with the password only", async () => {
    const { email, token } = await enrolled("margaret@example.com");
    expect(
      (await rig.ask("/two-factor/disable", { as: token, body: { password: "not this one" } })).status,
    ).toBe(403);
    const off = await rig.ask("/two-factor/disable", { as: token, body: { password } });
    expect(off.status).toBe(200);
    expect((await rig.ask("/me", { as: off.body.token })).body.twoFactor).toBe(false);
    expect((await rig.ask("/sign-in", { body: { email, password } })).body).toHaveProperty("user");
  });

  test("is changed in a fresh session only", async () => {
    const { token } = await enrolled("donald@example.com");
    await rig.age(token, "11 minutes");
    for (const [path, body] of [
      ["/two-factor/disable", { password }],
      ["/two-factor/recovery-codes", { password }],
      ["/two-factor", { password }],
      ["/two-factor/confirm", { code: "123456" }],
    ] as const) {
      const answer = await rig.ask(path, { as: token, body });
      expect([path, answer.status, answer.body.error?.details?.reason]).toEqual([
        path,
        403,
        "fresh-sign-in-needed",
      ]);
    }
  });

  test("keeps secrets and recovery codes encrypted, and codes of nobody else's", async () => {
    const { secret, recoveryCodes } = await enrolled("katherine@example.com");
    const stored = await rig.database.read((queries) =>
      queries.selectFrom("identity.two_factors").select(["secret", "backup_codes"]).execute(),
    );
    const text = JSON.stringify(stored);
    expect(text).not.toContain(secret);
    for (const code of recoveryCodes) expect(text).not.toContain(code);
  });
});
