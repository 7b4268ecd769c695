import { OpenWorkersError, type UserId } from "@openworkers/core";
import {
  addDomain,
  type Database,
  type Domain,
  getWorker,
  listDomains,
  parseHostname,
  removeDomain,
  verifyDomain,
} from "@openworkers/db";
import type { DomainSummary } from "./backend.ts";
import { type TxtResolver, txtRecords } from "./dns.ts";

/** The domains of workers, in the platform's database and in DNS. */
export class SqlDomains {
  readonly #database: Database;
  readonly #by: () => Promise<UserId>;
  readonly #dns: TxtResolver | undefined;

  /** @param dns the system's name servers without */
  constructor(database: Database, by: () => Promise<UserId>, dns: TxtResolver | undefined) {
    this.#database = database;
    this.#by = by;
    this.#dns = dns;
  }

  async list(worker: string | undefined): Promise<DomainSummary[]> {
    if (worker !== undefined) await getWorker(this.#database, worker);
    return (await listDomains(this.#database, worker)).map(summaryOf);
  }

  async add(worker: string, hostname: string): Promise<DomainSummary> {
    return summaryOf(await addDomain(this.#database, { worker, hostname, by: await this.#by() }));
  }

  async remove(hostname: string): Promise<void> {
    await removeDomain(this.#database, { hostname, by: await this.#by() });
  }

  /** @param trust without looking whether the TXT record is there */
  async verify(hostname: string, trust: boolean): Promise<DomainSummary> {
    const name = parseHostname(hostname);
    const claims = (await listDomains(this.#database)).filter((claim) => claim.hostname === name);
    if (claims.length === 0) {
      throw new OpenWorkersError("NOT_FOUND", `No worker has the domain ${name}.`, {
        hint: `Add it first: ow domains add WORKER ${name}`,
      });
    }
    const isDecided = trust || claims.some(({ verifiedAt }) => verifiedAt !== null);
    const worker = isDecided ? undefined : await this.#proven(name, claims);
    const by = await this.#by();
    return summaryOf(
      await verifyDomain(this.#database, { hostname: name, by, ...(worker === undefined ? {} : { worker }) }),
    );
  }

  /** The worker whose claim DNS proves. */
  async #proven(hostname: string, claims: readonly Domain[]): Promise<string> {
    const records = await txtRecords(hostname, this.#dns);
    const proven = claims.find(({ verificationToken }) => records.includes(verificationToken));
    if (proven !== undefined) return proven.worker;
    const tokens = claims.map(({ verificationToken }) => `"${verificationToken}"`).join(" or ");
    throw new OpenWorkersError("FORBIDDEN", `_openworkers.${hostname} has no TXT record ${tokens}.`, {
      hint: "Set it and wait until DNS has it, or say --trust when this platform and the domain are yours.",
    });
  }
}

function summaryOf({ hostname, worker, verifiedAt, verificationToken }: Domain): DomainSummary {
  return { hostname, worker, verified: verifiedAt !== null, token: verificationToken };
}
