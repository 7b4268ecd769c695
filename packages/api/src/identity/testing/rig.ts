import { createHash, randomBytes } from "node:crypto";
import { generateSealingKey, newId, open, parseSealingKey, type SealingKey } from "@openworkers/core";
import type { Database, MailTemplate } from "@openworkers/db";
import { type TestDatabase, withTestDatabase } from "@openworkers/db/testing";
import { sql } from "kysely";
import { IdentityWorker, setupToken } from "./in-process.ts";

export const baseUrl = "http://api.workers.test:8787";
export const password = "correct horse battery";

export interface RigOptions {
  readonly env?: Readonly<Record<string, string>>;
}

interface Ask {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** A session's token, sent as `Authorization: Bearer`. */
  readonly as?: string;
  /** Where it comes from; each rig's own address otherwise. */
  readonly address?: string;
  /** What the caller sees it under: the API's own origin otherwise. */
  readonly origin?: string;
}

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects of it
  readonly body: any;
}

/** The identity worker, and what one sees of its database. */
export class Rig implements AsyncDisposable {
  readonly database: Database;
  readonly #worker: IdentityWorker;
  readonly #key: SealingKey;
  readonly #dispose: () => Promise<void>;

  private constructor(
    database: Database,
    worker: IdentityWorker,
    key: SealingKey,
    dispose: () => Promise<void>,
  ) {
    this.database = database;
    this.#worker = worker;
    this.#key = key;
    this.#dispose = dispose;
  }

  static async start({ env }: RigOptions = {}): Promise<Rig> {
    const fixture = await withTestDatabase();
    const key = await parseSealingKey(await generateSealingKey());
    await fixture.database.write(async (transaction) => {
      await transaction
        .insertInto("sealing_keys")
        .values({ id: key.id, public_key: key.publicKey })
        .execute();
    });
    const worker = new IdentityWorker((await restricted(fixture)).href, { BASE_URL: baseUrl, ...env });
    return new Rig(fixture.database, worker, key, async () => fixture[Symbol.asyncDispose]());
  }

  /** As the worker reaches the database. */
  get connectionString(): string {
    return this.#worker.connectionString;
  }

  async ask(
    path: string,
    { method, body, headers, as, address = "203.0.113.7", origin = baseUrl }: Ask = {},
  ): Promise<Answered> {
    const request = new Request(`${origin}/v1/auth${path}`, {
      method: method ?? (body === undefined ? "GET" : "POST"),
      headers: {
        "cf-connecting-ip": address,
        "user-agent": "test",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(as === undefined ? {} : { authorization: `Bearer ${as}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const response = await this.#worker.fetch(request);
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }

  /** Waits for what goes on after answers. */
  async settled(): Promise<void> {
    await this.#worker.settled();
  }

  /** A one-time link's token, as `ow up` makes one. */
  setupToken(): Promise<string> {
    return setupToken(this.database);
  }

  /** Makes somebody, an operator, and returns their session's token. */
  async person(email: string): Promise<string> {
    const token = await this.setupToken();
    const made = await this.ask("/setup?token=true", { body: { token, email, password } });
    if (made.status !== 201) throw new Error(`setup answered ${made.status}: ${JSON.stringify(made.body)}`);
    return made.body.token;
  }

  /** Makes it longer ago that a session began. */
  async age(token: string, interval: string): Promise<void> {
    await this.database.read((queries) =>
      sql`update identity.sessions set created_at = created_at - ${interval}::interval
        where token = ${hashOf(token)}`.execute(queries),
    );
  }

  /** Another session like one, and its token. */
  async copySession(token: string): Promise<string> {
    const copy = `ows_${randomBytes(32).toString("base64url")}`;
    await this.database.read((queries) =>
      sql`insert into identity.sessions (id, user_id, token, expires_at, ip_address, user_agent)
        select ${newId()}, user_id, ${hashOf(copy)}, expires_at, 'copied', '' from identity.sessions
        where token = ${hashOf(token)}`.execute(queries),
    );
    return copy;
  }

  /** Moves all of a session's times. */
  async shift(token: string, interval: string): Promise<void> {
    await this.database.read((queries) =>
      sql`update identity.sessions set created_at = created_at + ${interval}::interval,
        last_seen_at = last_seen_at + ${interval}::interval, expires_at = expires_at + ${interval}::interval
        where token = ${hashOf(token)}`.execute(queries),
    );
  }

  /** As if something had been tried so often. */
  async spend(key: string, count: number): Promise<void> {
    await this.database.read((queries) =>
      sql`update identity.rate_limits set count = ${count} where key like ${`${key}%`}`.execute(queries),
    );
  }

  /** As if the time of a limit were over. */
  async forgive(key: string): Promise<void> {
    await this.database.read((queries) =>
      sql`update identity.rate_limits set ends_at = now() where key like ${`${key}%`}`.execute(queries),
    );
  }

  /** What the mails say that wait for somebody, the oldest first. */
  async mails(recipient: string): Promise<{ template: MailTemplate; link?: string }[]> {
    await this.settled();
    const rows = await this.database.read((queries) =>
      queries
        .selectFrom("identity.mails")
        .select(["id", "template", "sealed"])
        .where("recipient", "=", recipient)
        .orderBy("id")
        .execute(),
    );
    return Promise.all(
      rows.map(async ({ id, template, sealed }) => {
        const content = await open([this.#key], new Uint8Array(sealed ?? []), { mailId: id });
        return { template, ...JSON.parse(content) };
      }),
    );
  }

  /** The token in the newest mail's link. */
  async mailedToken(recipient: string): Promise<string> {
    const link = (await this.mails(recipient)).at(-1)?.link;
    if (link === undefined) throw new Error(`no mail with a link for ${recipient}`);
    return new URL(link).searchParams.get("token") ?? "";
  }

  async audited(): Promise<string[]> {
    await this.settled();
    const rows = await this.database.read((queries) =>
      queries.selectFrom("audit_log").select(["action", "subject"]).orderBy("id").execute(),
    );
    return rows.map(({ action, subject }) => `${action} ${subject}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.settled();
    await this.#dispose();
  }
}

/** The database as a login role reaches it that has nothing but `ow_identity`, as Postgate's has. */
async function restricted({ database, url }: TestDatabase): Promise<URL> {
  const login = new URL(url);
  const [user, secret] = [`identity_of${login.pathname.replace("/", "_")}`, randomBytes(16).toString("hex")];
  login.searchParams.set("user", user);
  login.searchParams.set("password", secret);
  await database.read((queries) =>
    sql.raw(`create role ${user} login password '${secret}' in role ow_identity`).execute(queries),
  );
  return login;
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
