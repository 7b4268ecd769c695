import { type Notification, notificationChannel, parseNotification, type UserId } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { type Caller, resolveCaller } from "./caller.ts";

/** How long a caller is remembered when nothing is heard of a change. */
const rememberedMs = 5_000;
const rememberedCallers = 10_000;
/** How often the use of a credential is written down at most. */
const usedMs = 60_000;
const usedCredentials = 10_000;

interface Remembered {
  readonly caller: Caller;
  readonly untilMs: number;
}

const useStatements = {
  key: {
    name: "api_key_used",
    text: `update api_keys set last_used_at = now()
      where id = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')`,
  },
  session: { name: "session_used", text: "select identity.touch_session($1)" },
} as const;

/** Who has which credential, as the platform's database has it: remembered for moments, and forgotten when it says that it changed. */
export class CallerDirectory implements AsyncDisposable {
  readonly #database: Database;
  readonly #remembered = new Map<string, Remembered>();
  readonly #usedMs = new Map<string, number>();
  readonly #handlers = new Set<(userId: UserId | undefined) => void>();
  #listening: AsyncDisposable | undefined;
  /** How often something changed: what was read before a change is not to be remembered after it. */
  #changes = 0;

  private constructor(database: Database) {
    this.#database = database;
  }

  /** @throws OpenWorkersError DATABASE_UNAVAILABLE */
  static async open(database: Database): Promise<CallerDirectory> {
    const directory = new CallerDirectory(database);
    directory.#listening = await database.listen(notificationChannel, {
      onPayload: (payload) => directory.#notified(parseNotification(payload)),
      onReconnect: () => directory.#changed(undefined),
    });
    return directory;
  }

  /** @throws OpenWorkersError UNAUTHORIZED, DATABASE_UNAVAILABLE */
  async resolve(credential: string): Promise<Caller> {
    const remembered = this.#remembered.get(credential);
    const now = Date.now();
    if (remembered !== undefined && now < remembered.untilMs) return remembered.caller;
    this.#remembered.delete(credential);
    const changes = this.#changes;
    const caller = await resolveCaller(this.#database, credential);
    if (changes === this.#changes) {
      for (const [first] of this.#remembered) {
        if (this.#remembered.size < rememberedCallers) break;
        this.#remembered.delete(first);
      }
      const untilMs = Math.min(now + rememberedMs, caller.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY);
      this.#remembered.set(credential, { caller, untilMs });
    }
    await this.#use(caller, now);
    return caller;
  }

  /** Has everybody looked up anew: for who has written, and is not to wait for word of what it changed. */
  forgetAll(): void {
    this.#changes++;
    this.#remembered.clear();
  }

  /** Calls with whose credentials changed; without one when any may have. */
  onChange(handler: (userId: UserId | undefined) => void): Disposable {
    this.#handlers.add(handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#listening?.[Symbol.asyncDispose]();
  }

  async #use({ via, credentialId }: Caller, now: number): Promise<void> {
    if (now - (this.#usedMs.get(credentialId) ?? Number.NEGATIVE_INFINITY) < usedMs) return;
    if (this.#usedMs.size >= usedCredentials) this.#usedMs.clear();
    this.#usedMs.set(credentialId, now);
    await this.#database.prepared(useStatements[via], [credentialId]);
  }

  #notified(notification: Notification | undefined): void {
    if (notification === undefined) this.#changed(undefined);
    else if (notification.table === "credentials") this.#changed(notification.userId);
  }

  #changed(userId: UserId | undefined): void {
    this.#changes++;
    for (const [credential, { caller }] of this.#remembered) {
      if (userId === undefined || caller.userId === userId) this.#remembered.delete(credential);
    }
    for (const handler of this.#handlers) handler(userId);
  }
}
