import { randomBytes } from "node:crypto";
import { isOpenWorkersError, OpenWorkersError, type UserId, type WorkerId } from "@openworkers/core";
import { sql } from "kysely";
import type { Queries, StoreDatabase } from "../database.ts";
import { errorCode } from "../faults.ts";
import { audit } from "./audit.ts";
import { isOperator } from "./users.ts";
import { lockOwnedWorker } from "./workers.ts";

export interface Domain {
  readonly hostname: string;
  readonly worker: string;
  readonly workerId: WorkerId;
  /** Requests for it are routed only once it is verified. */
  readonly verifiedAt: Date | null;
  /** What the TXT record `_openworkers.<hostname>` must say. */
  readonly verificationToken: string;
}

/**
 * Claims a host name for a worker. Repeating it changes nothing. Others may claim it as well, until one of them has
 * proven it: an operator's domain is verified at once, anybody else's when `verifyDomain` says so.
 *
 * @throws OpenWorkersError INVALID_INPUT, NOT_FOUND (worker), FORBIDDEN, CONFLICT (it leads to another worker).
 */
export async function addDomain(
  database: StoreDatabase,
  { worker, hostname, by }: { worker: string; hostname: string; by: UserId },
): Promise<Domain> {
  return database.write(async (transaction) => {
    const { id } = await lockOwnedWorker(transaction, worker, by);
    const name = await claimDomain(transaction, id, hostname, by);
    await audit(transaction, by, "domain.add", worker, { hostname: name });
    return claimOf(transaction, name, id);
  });
}

/**
 * Marks a domain as proven, which ends what others claimed of it. Whoever calls this has seen the proof.
 *
 * @param worker whose claim it is; it need not be said where there is one alone
 * @throws OpenWorkersError NOT_FOUND, FORBIDDEN, CONFLICT (it leads to another worker, or several claim it).
 */
export async function verifyDomain(
  database: StoreDatabase,
  { hostname, worker, by }: { hostname: string; worker?: string; by: UserId },
): Promise<Domain> {
  const name = parseHostname(hostname);
  return database.write(async (transaction) => {
    await lockName(transaction, name);
    const claims = await ownClaims(transaction, name, by);
    const [domain, another] = worker === undefined ? claims : claims.filter((own) => own.worker === worker);
    if (domain === undefined) throw taken(name);
    if (another !== undefined) throw severalClaim(name, claims);
    if (domain.verifiedAt !== null) return domain;
    await markVerified(transaction, name, domain.workerId);
    await audit(transaction, by, "domain.verify", domain.worker, { hostname: name });
    return claimOf(transaction, name, domain.workerId);
  });
}

/**
 * Marks one claim as proven, whose TXT record has been seen to hold `token`; what others claimed of the name ends. Whoever
 * calls this has seen to it that `by` may.
 *
 * @throws OpenWorkersError NOT_FOUND, CONFLICT (it was claimed anew meanwhile, or another worker has proven it)
 */
export async function proveDomain(
  database: StoreDatabase,
  claim: {
    readonly hostname: string;
    readonly workerId: WorkerId;
    readonly token: string;
    readonly by: UserId;
  },
): Promise<void> {
  const { hostname, workerId, token, by } = claim;
  await database.write(async (transaction) => {
    await lockName(transaction, hostname);
    const { worker, verificationToken, verifiedAt } = await claimOf(transaction, hostname, workerId);
    if (verifiedAt !== null) return;
    if (verificationToken !== token) {
      throw new OpenWorkersError("CONFLICT", `${hostname} was claimed anew meanwhile.`);
    }
    await markVerified(transaction, hostname, workerId);
    await audit(transaction, by, "domain.verify", worker, { hostname });
  });
}

/**
 * Gives a host name up, with the routes that rest on it: what every worker of `by`'s claims of it, or one worker.
 *
 * @throws OpenWorkersError NOT_FOUND, FORBIDDEN.
 */
export async function removeDomain(
  database: StoreDatabase,
  { hostname, worker: only, by }: { hostname: string; worker?: string; by: UserId },
): Promise<void> {
  const name = parseHostname(hostname);
  await database.write(async (transaction) => {
    for (const { worker, workerId } of await ownClaims(transaction, name, by)) {
      if (only !== undefined && worker !== only) continue;
      await transaction
        .deleteFrom("domains")
        .where("hostname", "=", name)
        .where("worker_id", "=", workerId)
        .execute();
      await audit(transaction, by, "domain.remove", worker, { hostname: name });
    }
  });
}

/** All domains, or those of one worker, by name; those that several claim in the order in which they did. */
export async function listDomains(database: StoreDatabase, worker?: string): Promise<Domain[]> {
  return database.read((queries) =>
    selectDomains(queries)
      .where(({ eb, lit }) => (worker === undefined ? lit(true) : eb("workers.name", "=", worker)))
      .orderBy("hostname")
      .orderBy("domains.created_at")
      .execute(),
  );
}

/** As `addDomain`, within the caller's transaction; returns the name as it is stored. */
export async function claimDomain(
  transaction: Queries,
  workerId: WorkerId,
  hostname: string,
  by: UserId,
): Promise<string> {
  const name = parseHostname(hostname);
  await transaction
    .insertInto("domains")
    .values({
      hostname: name,
      worker_id: workerId,
      verification_token: randomBytes(24).toString("base64url"),
      verified_at: null,
    })
    .onConflict((conflict) => conflict.columns(["hostname", "worker_id"]).doNothing())
    .execute();
  const holder = await transaction
    .selectFrom("domains")
    .select("worker_id")
    .where("hostname", "=", name)
    .where(({ eb, or }) => or([eb("verified_at", "is not", null), eb("worker_id", "=", workerId)]))
    .orderBy("verified_at")
    .executeTakeFirst();
  if (holder?.worker_id !== workerId) throw taken(name);
  if (await isOperator(transaction, by)) await markVerified(transaction, name, workerId);
  return name;
}

/** Until the end of the transaction: two who prove a name at once would each wait for the other's claim to end. */
async function lockName(transaction: Queries, hostname: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`domain ${hostname}`}, 0))`.execute(transaction);
}

/** The database ends the claims of others. @throws OpenWorkersError CONFLICT (somebody else has proven it) */
async function markVerified(transaction: Queries, hostname: string, workerId: WorkerId): Promise<void> {
  try {
    await transaction
      .updateTable("domains")
      .set({ verified_at: new Date() })
      .where("hostname", "=", hostname)
      .where("worker_id", "=", workerId)
      .where("verified_at", "is", null)
      .execute();
  } catch (thrown) {
    throw errorCode(thrown) === "23505" ? taken(hostname) : thrown;
  }
}

/**
 * A host name as the platform stores it: lower case, without the root's dot, internationalised names in Punycode.
 *
 * @throws OpenWorkersError INVALID_INPUT
 */
export function parseHostname(text: string): string {
  const url = URL.parse(`http://${text}/`);
  const name = url?.hostname.replace(/\.$/, "") ?? "";
  // The parser would take a port, a path or a user with it, and turn 127.1 into an address.
  const plain = /^[^\s/?#@:\\%]+$/.test(text);
  const label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
  const form = new RegExp(`^(${label}\\.)+${label}$`);
  if (!plain || name.length > 253 || !form.test(name) || /^[\d.]+$/.test(name)) {
    throw new OpenWorkersError("INVALID_INPUT", `"${text}" is not a host name.`, {
      field: "hostname",
      hint: "Write it as app.example.com.",
    });
  }
  return name;
}

/**
 * The claims of a host name that a user may change: the one that is verified, or else all of the user's own.
 *
 * @throws OpenWorkersError NOT_FOUND, FORBIDDEN
 */
async function ownClaims(transaction: Queries, hostname: string, by: UserId): Promise<Domain[]> {
  const all = await selectDomains(transaction)
    .where("hostname", "=", hostname)
    .orderBy("domains.created_at")
    .execute();
  const verified = all.filter(({ verifiedAt }) => verifiedAt !== null);
  const own: Domain[] = [];
  let refused: unknown = notFound(hostname);
  for (const claim of verified.length > 0 ? verified : all) {
    try {
      await lockOwnedWorker(transaction, claim.worker, by);
      own.push(claim);
    } catch (thrown) {
      if (!isOpenWorkersError(thrown, "FORBIDDEN")) throw thrown;
      refused = thrown;
    }
  }
  if (own.length === 0) throw refused;
  return own;
}

async function claimOf(queries: Queries, hostname: string, workerId: WorkerId): Promise<Domain> {
  const claim = await selectDomains(queries)
    .where("hostname", "=", hostname)
    .where("worker_id", "=", workerId)
    .executeTakeFirst();
  if (claim === undefined) throw notFound(hostname);
  return claim;
}

function notFound(hostname: string): OpenWorkersError {
  return new OpenWorkersError("NOT_FOUND", `No worker has the domain ${hostname}.`);
}

function taken(hostname: string): OpenWorkersError {
  return new OpenWorkersError("CONFLICT", `${hostname} leads to another worker.`, {
    hint: "Remove it there first: ow domains remove.",
  });
}

function severalClaim(hostname: string, claims: readonly Domain[]): OpenWorkersError {
  const workers = claims.map(({ worker }) => worker).join(", ");
  return new OpenWorkersError("CONFLICT", `Several workers claim ${hostname}: ${workers}.`, {
    hint: "Remove the domain, and add it to the one that is to have it.",
  });
}

function selectDomains(queries: Queries) {
  return queries
    .selectFrom("domains")
    .innerJoin("workers", "workers.id", "domains.worker_id")
    .select([
      "hostname",
      "workers.id as workerId",
      "workers.name as worker",
      "verified_at as verifiedAt",
      "verification_token as verificationToken",
    ]);
}
