import { join } from "node:path";
import {
  BoundedReports,
  type DatabaseId,
  defaultDatabaseLimits,
  isOpenWorkersError,
  messageOf,
  type Report,
} from "@openworkers/core";
import { type Database, databaseMeasured, type SecretKeys } from "@openworkers/db";
import { CpuFairness } from "./cpu/cpu-fairness.ts";
import { type DirectoryOptions, PlatformDirectory } from "./directory.ts";
import { reportEvent } from "./events.ts";
import { Housekeeping } from "./life/housekeeping.ts";
import { DatabaseMaker } from "./life/maker.ts";
import { Postgate, type WorkerCaller } from "./postgate.ts";
import type { Tenant } from "./tenant.ts";
import { SizeSweeper, sessionSettings, TenantServer, Watchdog } from "./tenants/mod.ts";
import { type Certificate, WireFace } from "./wire/mod.ts";

export interface PostgateServiceOptions {
  /** The platform's, migrated. The caller's. */
  readonly database: Database;
  readonly secretKeys: SecretKeys;
  /** URL of the tenants' server, as a superuser of it. */
  readonly tenantsUrl: string;
  /** Where dumps of deleted databases are kept: `database-dumps` in it. */
  readonly dataDir: string;
  readonly hostname: string;
  /** Ports of PostgreSQL's protocol and of HTTP: one of its own each, or the first of several that is free. */
  readonly postgresPorts: readonly number[];
  readonly httpPorts: readonly number[];
  readonly certificate?: Certificate;
  /** Throws when a server of an owner's is not to be connected to; any may be without. */
  readonly judge?: NonNullable<DirectoryOptions["judge"]>;
  /** Connections to the tenants' server in all; what it leaves unless given. */
  readonly connections?: number;
  /** What an operator should read. Never throws. */
  readonly report: Report;
}

/** A tenant that is being dumped has the time that it takes. */
const unlimitedMs = 7 * 24 * 3_600_000;

/**
 * All of Postgate: the tenants' server and its fences, databases made when they are first needed, limits watched, deletions
 * finished, and the three ways in: workers' bindings, HTTP, PostgreSQL's protocol.
 */
export class PostgateService implements AsyncDisposable {
  /** What of the tenants' server weakens the limits: a sentence each. */
  readonly warnings: readonly string[];
  readonly httpUrl: string;
  readonly hostname: string;
  readonly postgresPort: number;
  readonly #postgate: Postgate;
  readonly #wire: WireFace;
  readonly #parts: AsyncDisposableStack;

  private constructor(
    parts: AsyncDisposableStack,
    postgate: Postgate,
    wire: WireFace,
    facts: Pick<PostgateService, "warnings" | "httpUrl" | "hostname" | "postgresPort">,
  ) {
    this.#parts = parts;
    this.#postgate = postgate;
    this.#wire = wire;
    this.warnings = facts.warnings;
    this.httpUrl = facts.httpUrl;
    this.hostname = facts.hostname;
    this.postgresPort = facts.postgresPort;
  }

  /** @throws OpenWorkersError CONFIG_INVALID (the server, or the rights there), DATABASE_UNAVAILABLE, PORT_IN_USE */
  static async open(options: PostgateServiceOptions): Promise<PostgateService> {
    const { database, secretKeys, hostname } = options;
    await using parts = new AsyncDisposableStack();
    const { report } = parts.use(new BoundedReports(options.report));
    const server = parts.use(TenantServer.connect(options.tenantsUrl));
    const { warnings } = await server.prepare();
    const maker = new DatabaseMaker(database, server);
    const directory = parts.use(
      await PlatformDirectory.open({
        database,
        secretKeys,
        make: (id) => maker.make(id),
        ...(options.judge === undefined ? {} : { judge: options.judge }),
      }),
    );
    const known = (id: DatabaseId): Promise<Tenant | undefined> =>
      directory.tenant(id).catch((thrown: unknown) => {
        if (isOpenWorkersError(thrown, "NOT_FOUND")) return undefined;
        throw thrown;
      });
    const healRoles = async ({ id }: Tenant) => {
      // What the caller holds may be of before a change, and would be made true again.
      const tenant = await directory.reread(id);
      if (tenant.place.kind === "platform") await server.heal(id, tenant.place.passwords, tenant.limits);
      return tenant;
    };
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
    const cpu = parts.use(
      new CpuFairness({
        onLowered: (id, processors) =>
          report("A tenant's database takes much processor time: it goes behind the others.", {
            database: id,
            processors: Number(processors.toFixed(2)),
          }),
      }),
    );
    parts.use(
      await Watchdog.start(server, {
        limits: async (id) =>
          keeper.deletion.isDumping(id)
            ? { ...defaultDatabaseLimits, statementMs: unlimitedMs, idleInTransactionMs: unlimitedMs }
            : (await known(id))?.limits,
        onBite: ({ tenant, ...bite }) => {
          report("A session on a tenant's database was stopped.", { database: tenant, ...bite });
          if (bite.offence === "deaf") cpu.lowerForGood(tenant, bite.pid);
        },
        onError: failed("Sessions on tenants' databases could not be watched."),
      }),
    );
    const measured = failed("A database's size could not be written down.");
    parts.use(
      new SizeSweeper(server, {
        tenant: known,
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
    const postgate = parts.use(
      await Postgate.open({
        directory,
        server: server.address,
        cpu,
        sessionSettings,
        healRoles,
        ...(options.connections === undefined ? {} : { connections: options.connections }),
        onEvent: (event) => reportEvent(event, report),
      }),
    );
    const wire = parts.use(
      new WireFace({
        directory,
        server: server.address,
        budget: postgate.budget,
        cpu,
        sessionSettings,
        healRoles,
        report,
      }),
    );
    const http = await firstFree(options.httpPorts, (port) => postgate.listenHttp({ hostname, port }));
    const { certificate } = options;
    const listener = await firstFree(options.postgresPorts, (port) =>
      wire.listen({ hostname, port, ...(certificate === undefined ? {} : { certificate }) }),
    );
    return new PostgateService(parts.move(), postgate, wire, {
      warnings,
      hostname,
      httpUrl: http.url,
      postgresPort: listener.port,
    });
  }

  /** See `DatabaseGateway` of the runner. */
  query(databaseId: DatabaseId, request: Request, caller: WorkerCaller): Promise<Response> {
    return this.#postgate.query(databaseId, request, caller);
  }

  /** See `DatabaseGateway` of the runner. */
  async listen(databaseId: DatabaseId, path: string, caller: WorkerCaller): Promise<AsyncDisposable> {
    return this.#wire.listenFor(databaseId, path, caller);
  }

  /**
   * Refuses further calls and sessions, and resolves when calls under way have ended, and sessions their transactions; after
   * `patienceMs` they are cancelled.
   */
  async drain(patienceMs: number): Promise<void> {
    await Promise.all([this.#postgate.drain(patienceMs), this.#wire.drain(patienceMs)]);
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
