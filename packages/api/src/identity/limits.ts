import { OpenWorkersError } from "@openworkers/core";
import { sql } from "kysely";
import type { IdentityDatabase } from "./database.ts";
import { tokenHashHex } from "./token.ts";

interface Allowance {
  readonly attempts: number;
  readonly seconds: number;
}

interface Allowances {
  readonly byAddress: Allowance;
  /** From one address against one account: what stops somebody who guesses. */
  readonly byBoth?: Allowance;
  /**
   * Against one account from everywhere. It must not let others lock somebody out, so addresses where the account is
   * signed in are not held to it.
   */
  readonly byAccount?: Allowance;
}

const minutes = 60;
const hours = 60 * minutes;

/** How often each thing may be tried. Successes count too, except that they clear `byBoth`. */
export const allowances = {
  "sign-in": {
    byAddress: { attempts: 50, seconds: 5 * minutes },
    byBoth: { attempts: 5, seconds: 15 * minutes },
    byAccount: { attempts: 50, seconds: 1 * hours },
  },
  "second-factor": {
    byAddress: { attempts: 50, seconds: 10 * minutes },
  },
  "sign-up": {
    byAddress: { attempts: 20, seconds: 1 * hours },
    byBoth: { attempts: 5, seconds: 1 * hours },
  },
  setup: {
    byAddress: { attempts: 20, seconds: 15 * minutes },
  },
  // Mails to one person, whoever asks for them: enough to find one of one's own among them.
  mail: {
    byAddress: { attempts: 20, seconds: 1 * hours },
    byBoth: { attempts: 3, seconds: 1 * hours },
  },
  link: {
    byAddress: { attempts: 30, seconds: 15 * minutes },
  },
  "own-password": {
    byAddress: { attempts: 50, seconds: 15 * minutes },
    byBoth: { attempts: 10, seconds: 15 * minutes },
  },
  github: {
    byAddress: { attempts: 60, seconds: 10 * minutes },
  },
} as const satisfies Record<string, Allowances>;

export type LimitedAction = keyof typeof allowances;

interface Attempt {
  readonly action: LimitedAction;
  readonly address: string;
  /** E-mail or id; whether there is such an account makes no difference. */
  readonly account?: string;
}

/**
 * Counts an attempt before it is made, so that many at once are no more than allowed.
 *
 * @throws OpenWorkersError RATE_LIMITED, `details.retryAfterSeconds`.
 */
export async function countAttempt(database: IdentityDatabase, attempt: Attempt): Promise<void> {
  const { byAddress, byBoth, byAccount }: Allowances = allowances[attempt.action];
  await take(database, `${attempt.action}|address|${addressBlock(attempt.address)}`, byAddress);
  if (attempt.account === undefined) return;
  if (byBoth !== undefined) await take(database, await bothKey(attempt), byBoth);
  if (byAccount === undefined) return;
  const key = `${attempt.action}|account|${await tokenHashHex(attempt.account)}`;
  try {
    await take(database, key, byAccount);
  } catch (thrown) {
    if (!(await isSignedInFrom(database, attempt.account, attempt.address))) throw thrown;
  }
}

/** Forgets the failures of this address with this account, which has shown that it may. */
export async function clearAttempts(database: IdentityDatabase, attempt: Attempt): Promise<void> {
  await database
    .deleteFrom("identity.rate_limits")
    .where("key", "=", await bothKey(attempt))
    .execute();
}

async function bothKey({ action, address, account = "" }: Attempt): Promise<string> {
  return `${action}|both|${addressBlock(address)}|${await tokenHashHex(account)}`;
}

async function take(
  database: IdentityDatabase,
  key: string,
  { attempts, seconds }: Allowance,
): Promise<void> {
  const end = sql<Date>`now() + make_interval(secs => ${seconds})`;
  const { count, retryAfterSeconds } = await database
    .insertInto("identity.rate_limits")
    .values({ key, count: 1, ends_at: end })
    .onConflict((conflict) =>
      conflict.column("key").doUpdateSet({
        count: sql<number>`case when rate_limits.ends_at <= now() then 1 else rate_limits.count + 1 end`,
        ends_at: sql<Date>`case when rate_limits.ends_at <= now() then excluded.ends_at else rate_limits.ends_at end`,
      }),
    )
    .returning([
      "count",
      sql<number>`ceil(extract(epoch from ends_at - now()))::integer`.as("retryAfterSeconds"),
    ])
    .executeTakeFirstOrThrow();
  if (count <= attempts) return;
  throw new OpenWorkersError("RATE_LIMITED", "This was tried too often.", {
    hint: `Try again in ${Math.ceil(retryAfterSeconds / 60)} minutes.`,
    details: { retryAfterSeconds },
  });
}

async function isSignedInFrom(database: IdentityDatabase, email: string, address: string): Promise<boolean> {
  const session = await database
    .selectFrom("identity.sessions")
    .innerJoin("identity.users", "identity.users.id", "identity.sessions.user_id")
    .select("identity.sessions.id")
    .where("identity.users.email", "=", email)
    .where("identity.sessions.ip_address", "=", address)
    .where("identity.sessions.expires_at", ">", sql<Date>`now()`)
    .limit(1)
    .executeTakeFirst();
  return session !== undefined;
}

/** An IPv6 address stands for its /64, which one customer has to themselves (RFC 6177). */
export function addressBlock(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const start = head === "" ? [] : head.split(":");
  const end = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(8 - start.length - end.length, 0);
  const groups = [...start, ...Array<string>(zeros).fill("0"), ...end].slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}
