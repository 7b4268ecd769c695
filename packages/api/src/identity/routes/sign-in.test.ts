import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { password, Rig } from "../testing/rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.start();
  await rig.person("ada@example.com");
});
afterAll(() => rig[Symbol.asyncDispose]());

const signIn = (body: unknown, more: object = {}) => rig.ask("/sign-in", { body, ...more });

describe("signing in", () => {
  test("gives a cookie that pages cannot read, and that shows who one is", async () => {
    const answer = await signIn({ email: "Ada@Example.com", password });
    expect(answer.body).toEqual({ user: { id: expect.any(String), email: "ada@example.com", name: "ada" } });
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^ow_session=ows_[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=\d+$/);
    const me = await rig.ask("/me", { headers: { cookie: cookie.split(";")[0] ?? "" } });
    expect(me.body).toMatchObject({ account: "ada", email: "ada@example.com", operator: true });
  });
});
