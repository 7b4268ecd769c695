import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { generateSealingKey, newId, open, parseSealingKey, type SealingKey, seal } from "@openworkers/core";
import type { Database, MailTemplate } from "@openworkers/db";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { sql } from "kysely";
import { createMailer } from "./mailer.ts";
import { startMailServer, type TestMailServer } from "./testing/mail-server.ts";

let fixture: TestDatabase;
let database: Database;
let key: SealingKey;
let server: TestMailServer;
beforeAll(async () => {
  fixture = await withTestDatabase();
  ({ database } = fixture);
  key = await parseSealingKey(await generateSealingKey());
  await database.read((queries) =>
    queries.insertInto("sealing_keys").values({ id: key.id, public_key: key.publicKey }).execute(),
  );
  server = await startMailServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await database.read((queries) => queries.deleteFrom("identity.mails").execute());
});

async function queue(recipient: string, template: MailTemplate, content: object) {
  const id = newId<"mail">();
  const sealed = await seal(key.publicKey, JSON.stringify(content), { mailId: id });
  await database.read((queries) =>
    queries
      .insertInto("identity.mails")
      .values({ id, recipient, template, sealed, key_id: key.id })
      .execute(),
  );
  return id;
}

const rows = () =>
  database.read((queries) => queries.selectFrom("identity.mails").selectAll().orderBy("id").execute());

function mailer(reports: string[] = []) {
  return createMailer({
    database,
    secretKeys: { open: (sealed, context) => open([key], sealed, context) },
    settings: { smtpUrl: server.url, from: "OpenWorkers <workers@example.com>" },
    report: (message) => void reports.push(message),
    everyMs: 20,
  });
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await Bun.sleep(20);
}

const origin = "http://api.workers.test";

describe("a mail that waits", () => {
  test("is sent once by several senders, with its link, and what it said is forgotten", async () => {
    const link = `${origin}/v1/auth/password/reset?token=abc`;
    const ids = [];
    for (let count = 0; count < 30; count++) {
      ids.push(await queue(`user${count}@example.com`, "reset-password", { origin, link }));
    }
    await using _one = mailer();
    await using _two = mailer();
    await until(async () => (await rows()).every(({ sent_at }) => sent_at !== null));
    const got = server.received.splice(0);
    expect(got.map(({ to }) => to).sort()).toEqual(ids.map((_, index) => `user${index}@example.com`).sort());
    const [first] = got;
    expect(first?.text).toContain(link);
    expect(first?.text).toMatch(/^From: OpenWorkers <workers@example.com>\r$/m);
    expect(first?.text).toMatch(/^Subject: Choose another password\r$/m);
    expect((await rows()).map(({ sealed, key_id }) => [sealed, key_id])).toEqual(ids.map(() => [null, null]));
  });

  test("has a text for each thing it may be about", async () => {
    for (const template of [
      "verify-email",
      "already-registered",
      "password-changed",
      "invitation",
    ] as const) {
      await queue(`${template}@example.com`, template, { origin, link: `${origin}/x`, organisation: "acme" });
    }
    await using _mailer = mailer();
    await until(() => server.received.length === 4);
    for (const { text } of server.received.splice(0)) expect(text).toContain(origin);
  });

  test("is tried again later when the server does not take it now", async () => {
    server.answer = "421 come back later";
    const reports: string[] = [];
    await queue("ada@example.com", "password-changed", { origin });
    {
      await using _mailer = mailer(reports);
      await until(() => reports.length > 0);
    }
    expect(reports).toEqual(["A mail could not be sent yet."]);
    const [row] = await rows();
    expect(row).toMatchObject({ attempts: 1, sent_at: null, failure: expect.stringContaining("421") });
    expect(row?.next_attempt_at.getTime()).toBeGreaterThan(Date.now());
    server.answer = undefined;
    await database.read((queries) =>
      queries.updateTable("identity.mails").set({ next_attempt_at: sql<Date>`now()` }).execute(),
    );
    await using _mailer = mailer();
    await until(() => server.received.length === 1);
    expect(server.received.splice(0)[0]?.to).toBe("ada@example.com");
  });

  test("is given up when the server will never take it", async () => {
    server.answer = "550 no such user";
    const reports: string[] = [];
    await queue("nobody@example.com", "password-changed", { origin });
    await using _mailer = mailer(reports);
    await until(() => reports.length > 0);
    server.answer = undefined;
    expect(reports).toEqual(["A mail is given up."]);
    expect(await rows()).toEqual([]);
  });

  test("cannot bring headers or recipients along", async () => {
    await queue("ada@example.com", "invitation", {
      origin,
      link: `${origin}/x`,
      organisation: "acme\r\nBcc: eve@example.com\r\n\r\nclick here",
    });
    await queue("ada@example.com, eve@example.com", "password-changed", { origin });
    const reports: string[] = [];
    await using _mailer = mailer(reports);
    await until(async () =>
      (await rows()).every(({ sent_at, failure }) => sent_at !== null || failure !== null),
    );
    const got = server.received.splice(0);
    expect(got.flatMap(({ to }) => to)).not.toContain("eve@example.com");
    for (const { text } of got) expect(text.split("\r\n\r\n")[0]).not.toMatch(/^Bcc:/m);
  });
});
