import { randomBytes } from "node:crypto";
import { OpenWorkersError, type UserId, type WorkerId } from "@openworkers/core";
import type { Queries, StoreDatabase } from "../database.ts";
import { audit } from "./audit.ts";
import { isOperator } from "./users.ts";
import { lockOwnedWorker } from "./workers.ts";

export interface Domain {
  readonly hostname: string;
  readonly worker: string;
  /** Requests for it are routed only once it is verified. */
  readonly verifiedAt: Date | null;
  /** What the TXT record `_openworkers.<hostname>` must say. */
  readonly verificationToken: string;
}

/**
 * Claims a host name for a worker. Repeating it changes nothing. An operator's domain is verified at once;
 * anybody else's when `verifyDomain` says so.
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
    return domainNamed(transaction, name);
  });
}

/** Marks a domain as proven. Whoever calls this has seen the proof. @throws OpenWorkersError NOT_FOUND, FORBIDDEN. */
export async function verifyDomain(
  database: StoreDatabase,
  { hostname, by }: { hostname: string; by: UserId },
): Promise<Domain> {
  const name = parseHostname(hostname);
  return database.write(async (transaction) => {
    const domain = await domainNamed(transaction, name);
    await lockOwnedWorker(transaction, domain.worker, by);
    if (domain.verifiedAt === null) {
      await transaction
        .updateTable("domains")
        .set({ verified_at: new Date() })
        .where("hostname", "=", name)
        .execute();
      await audit(transaction, by, "domain.verify", domain.worker, { hostname: name });
    }
    return domainNamed(transaction, name);
  });
}

/** Gives a host name up, with the routes that rest on it. @throws OpenWorkersError NOT_FOUND, FORBIDDEN. */
export async function removeDomain(
  database: StoreDatabase,
  { hostname, by }: { hostname: string; by: UserId },
): Promise<void> {
  const name = parseHostname(hostname);
  await database.write(async (transaction) => {
    const domain = await domainNamed(transaction, name);
    await lockOwnedWorker(transaction, domain.worker, by);
    await transaction.deleteFrom("domains").where("hostname", "=", name).execute();
    await audit(transaction, by, "domain.remove", domain.worker, { hostname: name });
  });
}

/** All domains, or those of one worker, by name. */
export async function listDomains(database: StoreDatabase, worker?: string): Promise<Domain[]> {
  return database.read((queries) =>
    selectDomains(queries)
      .where(({ eb, lit }) => (worker === undefined ? lit(true) : eb("workers.name", "=", worker)))
      .orderBy("hostname")
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
      verified_at: (await isOperator(transaction, by)) ? new Date() : null,
    })
    .onConflict((conflict) => conflict.column("hostname").doNothing())
    .execute();
  const taken = await transaction
    .selectFrom("domains")
    .select("worker_id")
    .where("hostname", "=", name)
    .executeTakeFirst();
  if (taken?.worker_id !== workerId) {
    throw new OpenWorkersError("CONFLICT", `${name} leads to another worker.`, {
      hint: "Remove it there first: ow domains remove.",
    });
  }
  return name;
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
      hint: "Write it as app.example.com.",
    });
  }
  return name;
}

async function domainNamed(queries: Queries, hostname: string): Promise<Domain> {
  const domain = await selectDomains(queries).where("hostname", "=", hostname).executeTakeFirst();
  if (domain === undefined) throw new OpenWorkersError("NOT_FOUND", `No worker has the domain ${hostname}.`);
  return domain;
}

function selectDomains(queries: Queries) {
  return queries
    .selectFrom("domains")
    .innerJoin("workers", "workers.id", "domains.worker_id")
    .select([
      "hostname",
      "workers.name as worker",
      "verified_at as verifiedAt",
      "verification_token as verificationToken",
    ]);
}
