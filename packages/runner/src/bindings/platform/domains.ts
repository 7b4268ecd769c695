import { OpenWorkersError } from "@openworkers/core";
import { type Database, parseHostname, proveDomain } from "@openworkers/db";
import { mustBeAllowed, notFound, parseId } from "./access.ts";
import { type TxtResolver, txtRecords } from "./dns.ts";
import type { PlatformCaller } from "./gateway.ts";

const what = "domain";

/** Looks for the records that prove workers' domains: whoever asks for it has no say in what is found. */
export class DomainProofs {
  readonly #database: Database;
  readonly #resolver: TxtResolver | undefined;

  constructor(database: Database, resolver: TxtResolver | undefined) {
    this.#database = database;
    this.#resolver = resolver;
  }

  /**
   * `POST /domains/<hostname>/verify?worker=<id>`: marks the worker's claim as proven when its TXT record is there.
   *
   * @throws OpenWorkersError INVALID_INPUT, NOT_FOUND (also when DNS does not answer), FORBIDDEN, CONFLICT
   */
  async verify(name: string, worker: string, caller: PlatformCaller): Promise<Response> {
    const hostname = parseHostname(name);
    const workerId = parseId<"worker">(worker, what);
    const claim = await this.#database.read((queries) =>
      queries
        .selectFrom("domains")
        .innerJoin("workers", "workers.id", "domains.worker_id")
        .select(["verification_token as token", "owner_id as owner"])
        .where("hostname", "=", hostname)
        .where("worker_id", "=", workerId)
        .executeTakeFirst(),
    );
    if (claim === undefined) throw notFound(what);
    const { token, owner } = claim;
    await mustBeAllowed(caller, owner, "domains", "write", what);
    const record = `_openworkers.${hostname}`;
    const records = await txtRecords(record, this.#resolver);
    if (!records.includes(token)) {
      throw new OpenWorkersError("CONFLICT", `The TXT record ${record} does not say ${token}.`, {
        hint: "DNS may take a while to tell it; try again then.",
        details: { name: record, value: token, found: records.slice(0, 10) },
      });
    }
    await proveDomain(this.#database, { hostname, workerId, token, by: caller.userId });
    return new Response(null, { status: 204 });
  }
}
