import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { sql } from "kysely";
import { password, Rig } from "../testing/rig.ts";

let rig: Rig;
let ada: string;
let eve: string;
beforeAll(async () => {
  rig = await Rig.start();
  ada = await rig.person("ada@example.com");
  eve = await rig.person("eve@example.com");
});
afterAll(() => rig[Symbol.asyncDispose]());

describe("sessions", () => {
  test("are listed with device, address and which is one's own", async () => {
    const second = await rig.ask("/sign-in?token=true", {
      body: { email: "ada@example.com", password },
      address: "2001:db8::7",
      headers: { "user-agent": `phone ${"x".repeat(600)}` },
    });
    const { body } = await rig.ask("/sessions", { as: ada });
    expect(body.items).toHaveLength(2);
    const [own, other] = [true, false].map((current) =>
      body.items.find((item: { current: boolean }) => item.current === current),
    );
    expect([own.userAgent, own.address]).toEqual(["test", "203.0.113.7"]);
    expect([other.userAgent.slice(0, 6), other.userAgent.length, other.address]).toEqual([
      "phone ",
      512,
      "2001:db8::7",
    ]);
    expect(JSON.stringify(body)).not.toContain("ows_");
    const ended = await rig.ask(`/sessions/${other.id}`, { method: "DELETE", as: ada });
    expect(ended.status).toBe(204);
    expect((await rig.ask("/me", { as: second.body.token })).status).toBe(401);
    expect((await rig.ask(`/sessions/${other.id}`, { method: "DELETE", as: ada })).status).toBe(404);
  });

  test("of others can be neither seen nor ended", async () => {
    const { body } = await rig.ask("/sessions", { as: ada });
    const [{ id }] = body.items;
    const theirs = await rig.ask("/sessions", { as: eve });
    expect(JSON.stringify(theirs.body)).not.toContain(id);
    expect((await rig.ask(`/sessions/${id}`, { method: "DELETE", as: eve })).status).toBe(404);
    expect((await rig.ask("/me", { as: ada })).status).toBe(200);
  });

  test("but one's own are ended together", async () => {
    const copies = [await rig.copySession(ada), await rig.copySession(ada)];
    expect((await rig.ask("/sessions", { method: "DELETE", as: ada })).status).toBe(204);
    for (const copy of copies) expect((await rig.ask("/me", { as: copy })).status).toBe(401);
    expect((await rig.ask("/me", { as: ada })).status).toBe(200);
    expect((await rig.ask("/me", { as: eve })).status).toBe(200);
  });

  test("end 30 days after their last use", async () => {
    const copy = await rig.copySession(ada);
    const days = async () => {
      const { rows } = await rig.database.read((queries) =>
        sql<{ days: number }>`
          select round(extract(epoch from max(expires_at) - now()) / 86400)::integer as days
          from identity.sessions where last_seen_at > now() - interval '10 seconds'`.execute(queries),
      );
      return rows[0]?.days;
    };
    await rig.shift(copy, "-20 days");
    expect((await rig.ask("/me", { as: copy })).status).toBe(200);
    expect(await days()).toBe(30);
    await rig.shift(copy, "-31 days");
    expect((await rig.ask("/me", { as: copy })).status).toBe(401);
  });

  test.each([
    ["GET", "/me"],
    ["PATCH", "/me"],
    ["GET", "/sessions"],
    ["DELETE", "/sessions"],
    ["DELETE", "/sessions/00000000-0000-7000-8000-000000000000"],
    ["POST", "/password"],
    ["POST", "/two-factor"],
    ["POST", "/two-factor/confirm"],
    ["POST", "/two-factor/recovery-codes"],
    ["POST", "/two-factor/disable"],
    ["POST", "/github/link"],
    ["DELETE", "/github"],
  ])("are needed for %s %s, and API keys are none", async (method, path) => {
    for (const headers of [
      {},
      { authorization: "Bearer ows_nobody" },
      { authorization: "Basic YTpi" },
      { cookie: "ow_session=ows_nobody", "sec-fetch-site": "same-origin" },
      { cookie: "ow_session=", "sec-fetch-site": "same-origin" },
    ] as Record<string, string>[]) {
      const answer = await rig.ask(path, { method, headers });
      expect([answer.status, answer.body.error.code]).toEqual([401, "UNAUTHORIZED"]);
      expect(answer.headers.get("www-authenticate")).toContain("Bearer");
    }
    const key = await rig.ask(path, { method, as: "ow_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" });
    expect([key.status, key.body.error.code]).toEqual([403, "FORBIDDEN"]);
  });
});

describe("a profile", () => {
  test("has a name of one's choice, which organisations see", async () => {
    const changed = await rig.ask("/me", { method: "PATCH", as: ada, body: { name: "  Ada Lovelace " } });
    expect(changed.body).toMatchObject({ account: "ada", name: "Ada Lovelace" });
    const row = await rig.database.read((queries) =>
      sql<{ display_name: string }>`select display_name from users where name = 'ada'`.execute(queries),
    );
    expect(row.rows).toEqual([{ display_name: "Ada Lovelace" }]);
    expect((await rig.ask("/me", { as: eve })).body.name).toBe("eve");
    for (const name of ["", "   ", "x".repeat(101), 7]) {
      const answer = await rig.ask("/me", { method: "PATCH", as: ada, body: { name } });
      expect([answer.status, answer.body.error.details.issues[0].path]).toEqual([400, "name"]);
    }
  });
});
