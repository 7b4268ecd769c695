import { join } from "node:path";
import { type DatabaseId, defaultDatabaseLimits, isOpenWorkersError, messageOf } from "@openworkers/core";
import { databaseMeasured } from "@openworkers/db";
import { TenantGateway, type TenantGatewayOptions } from "./gateway.ts";
import { Housekeeping } from "./life/housekeeping.ts";
import type { WorkerCaller } from "./postgate.ts";
import { SizeSweeper, Watchdog } from "./tenants/mod.ts";
import type { Certificate } from "./wire/mod.ts";

export interface PostgateServiceOptions extends TenantGatewayOptions {
  /** Where dumps of deleted databases are kept: `database-dumps` in it. */
  readonly dataDir: string;
  readonly hostname: string;
  /** Ports of PostgreSQL's protocol and of HTTP: one of its own each, or the first of several that is free. */
  readonly postgresPorts: readonly number[];
  readonly httpPorts: readonly number[];
  readonly certificate?: Certificate;
}

/** A tenant that is being dumped has the time that it takes. */
const unlimitedMs = 7 * 24 * 3_600_000;

/**
 * All of Postgate: the tenants' server and its fences, databases made when they are first needed, limits watched, deletions
 * finished, and the three ways in: workers' bindings, HTTP, PostgreSQL's protocol.
 */
export class PostgateService implements AsyncDisposable {
  readonly httpUrl: string;
  readonly hostname: string;
  readonly postgresPort: number;
  readonly #gateway: TenantGateway;
  readonly #parts: AsyncDisposableStack;

  private constructor(
    parts: AsyncDisposableStack,
    gateway: TenantGateway,
    facts: Pick<PostgateService, "httpUrl" | "hostname" | "postgresPort">,
  ) {
    this.#parts = parts;
    this.#gateway = gateway;
    this.httpUrl = facts.httpUrl;
    this.hostname = facts.hostname;
    this.postgresPort = facts.postgresPort;
  }

  /** @throws OpenWorkersError CONFIG_INVALID (the server, or the rights there), DATABASE_UNAVAILABLE, PORT_IN_USE */
  static async open(options: PostgateServiceOptions): Promise<PostgateService> {
    const { database, secretKeys, hostname } = options;
    await using parts = new AsyncDisposableStack();
    const gateway = parts.use(await TenantGateway.open(options));
    const { server, directory, report } = gateway;
    const keeper = parts.use(
      new Housekeeping({
        database,
        server,
        secretKeys,
        tenants: directory,
        directory: join(options.dataDir, "database-dumps"),
        report,
      }),
    );
    const failed = (what: string) => (thrown: unknown) => report(what, { error: messageOf(thrown) });
    parts.use(
      await Watchdog.start(server, {
        limits: async (id) =>
          keeper.deletion.isDumping(id)
            ? { ...defaultDatabaseLimits, statementMs: unlimitedMs, idleInTransactionMs: unlimitedMs }
            : (await gateway.known(id))?.limits,
        onBite: ({ tenant, ...bite }) => {
          report("A session on a tenant's database was stopped.", { database: tenant, ...bite });
          if (bite.offence === "deaf") gateway.cpu.lowerForGood(tenant, bite.pid);
        },
        onError: failed("Sessions on tenants' databases could not be watched."),
      }),
    );
    const measured = failed("A database's size could not be written down.");
    parts.use(
      new SizeSweeper(server, {
        tenant: (id) => gateway.known(id),
        setFull: async (id, full, sizeBytes) => {
          await databaseMeasured(database, id, { sizeBytes, full });
          directory.forget(id);
        },
        onSweep: ({ tenant, bytes, did }) => {
          if (did === "measured") databaseMeasured(database, tenant, { sizeBytes: bytes }).catch(measured);
          else report(`A tenant's database was ${did}.`, { database: tenant, bytes });
        },
        onError: failed("Sizes of tenants' databases could not be measured."),
      }),
    );
    const http = await firstFree(options.httpPorts, (port) =>
      gateway.postgate.listenHttp({ hostname, port }),
    );
    const { certificate } = options;
    const listener = await firstFree(options.postgresPorts, (port) =>
      gateway.wire.listen({ hostname, port, ...(certificate === undefined ? {} : { certificate }) }),
    );
    return new PostgateService(parts.move(), gateway, {
      hostname,
      httpUrl: http.url,
      postgresPort: listener.port,
    });
  }

  /** What of the tenants' server weakens the limits: a sentence each. */
  get warnings(): readonly string[] {
    return this.#gateway.warnings;
  }

  /** See `DatabaseGateway` of the runner. */
  query(databaseId: DatabaseId, request: Request, caller: WorkerCaller): Promise<Response> {
    return this.#gateway.query(databaseId, request, caller);
  }

  /** See `DatabaseGateway` of the runner. */
  listen(databaseId: DatabaseId, path: string, caller: WorkerCaller): Promise<AsyncDisposable> {
    return this.#gateway.listen(databaseId, path, caller);
  }

  /** See `TenantGateway.drain`. */
  drain(patienceMs: number): Promise<void> {
    return this.#gateway.drain(patienceMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}

/** The first port of the list that can be had. @throws what the last attempt does */
async function firstFree<T>(ports: readonly number[], listen: (port: number) => T): Promise<T> {
  const [port = 0, ...others] = ports;
  try {
    return listen(port);
  } catch (thrown) {
    if (others.length === 0 || !isOpenWorkersError(thrown, "PORT_IN_USE")) throw thrown;
    return firstFree(others, listen);
  }
}
