import { createHash, randomBytes } from "node:crypto";
import type { Database } from "@openworkers/db";
import { createIdentityApp } from "../app.ts";

/** The identity worker in this process. */
export class IdentityWorker {
  /** As the worker reaches the database. */
  readonly connectionString: string;
  readonly #app = createIdentityApp();
  readonly #env: Readonly<Record<string, unknown>>;
  readonly #pending = new Set<Promise<unknown>>();

  /**
   * @param connectionString where it finds a database that it reaches as `ow_identity`
   * @param env its variables, `BASE_URL` among them
   */
  constructor(connectionString: string, env: Readonly<Record<string, string>>) {
    this.connectionString = connectionString;
    this.#env = { SQL: { connectionString }, AUTH_SECRET: randomBytes(32).toString("base64url"), ...env };
  }

  async fetch(request: Request): Promise<Response> {
    return this.#app.fetch(request, this.#env, {
      waitUntil: (work: Promise<unknown>) => {
        const known = work.finally(() => this.#pending.delete(known));
        this.#pending.add(known);
      },
      passThroughOnException: () => {},
      props: {},
    });
  }

  /** Waits for what goes on after answers. */
  async settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }
}

/** A one-time link's token, as `ow up` makes one. */
export async function setupToken(database: Database): Promise<string> {
  const token = randomBytes(32).toString("base64url");
  const hash = createHash("sha256").update(token).digest();
  await database.write((transaction) =>
    transaction
      .insertInto("identity.setup_links")
      .values({ hash, expires_at: new Date(Date.now() + 86_400_000) })
      .execute(),
  );
  return token;
}
