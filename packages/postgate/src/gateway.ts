import { BoundedReports, type DatabaseId, isOpenWorkersError, type Report } from "@openworkers/core";
import type { Database, SecretKeys } from "@openworkers/db";
import { CpuFairness } from "./cpu/cpu-fairness.ts";
import { type DirectoryOptions, PlatformDirectory } from "./directory.ts";
import { reportEvent } from "./events.ts";
import { DatabaseMaker } from "./life/maker.ts";
import { Postgate, type WorkerCaller } from "./postgate.ts";
import type { Tenant } from "./tenant.ts";
import { sessionSettings, TenantServer } from "./tenants/mod.ts";
import { WireFace } from "./wire/mod.ts";

export interface TenantGatewayOptions {
  /** The platform's, migrated. The caller's. */
  readonly database: Database;
  readonly secretKeys: SecretKeys;
  /** URL of the tenants' server, as a superuser of it. */
  readonly tenantsUrl: string;
  /** Throws when a server of an owner's is not to be connected to; any may be without. */
  readonly judge?: NonNullable<DirectoryOptions["judge"]>;
  /** Connections to the tenants' server in all; what it leaves unless given. */
  readonly connections?: number;
  /** What an operator should read. Never throws. */
  readonly report: Report;
}

/**
 * The way from workers' bindings to tenants' databases, which are made when they are first needed. A runner has one; the
 * limits that need watching, and the faces for people, are the service's (`PostgateService`), of which a platform needs one.
 */
export class TenantGateway implements AsyncDisposable {
  /** What of the tenants' server weakens the limits: a sentence each. */
  readonly warnings: readonly string[];
  readonly server: TenantServer;
  readonly directory: PlatformDirectory;
  readonly postgate: Postgate;
  readonly wire: WireFace;
  readonly report: Report;
  readonly cpu: CpuFairness;
  readonly #parts: AsyncDisposableStack;

  private constructor(
    parts: AsyncDisposableStack,
    made: Pick<TenantGateway, "warnings" | "server" | "directory" | "postgate" | "wire" | "report" | "cpu">,
  ) {
    this.#parts = parts;
    this.warnings = made.warnings;
    this.server = made.server;
    this.directory = made.directory;
    this.postgate = made.postgate;
    this.wire = made.wire;
    this.report = made.report;
    this.cpu = made.cpu;
  }

  /** @throws OpenWorkersError CONFIG_INVALID (the server, or the rights there), DATABASE_UNAVAILABLE */
  static async open(options: TenantGatewayOptions): Promise<TenantGateway> {
    const { database, secretKeys } = options;
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
    const healRoles = async ({ id }: Tenant) => {
      // What the caller holds may be of before a change, and would be made true again.
      const tenant = await directory.reread(id);
      if (tenant.place.kind === "platform") await server.heal(id, tenant.place.passwords, tenant.limits);
      return tenant;
    };
    const cpu = parts.use(
      new CpuFairness({
        onLowered: (id, processors) =>
          report("A tenant's database takes much processor time: it goes behind the others.", {
            database: id,
            processors: Number(processors.toFixed(2)),
          }),
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
    return new TenantGateway(parts.move(), { warnings, server, directory, postgate, wire, report, cpu });
  }

  /** The tenant, or undefined when there is none of the id any more. */
  async known(id: DatabaseId): Promise<Tenant | undefined> {
    try {
      return await this.directory.tenant(id);
    } catch (thrown) {
      if (isOpenWorkersError(thrown, "NOT_FOUND")) return undefined;
      throw thrown;
    }
  }

  /** See `DatabaseGateway` of the runner. */
  query(databaseId: DatabaseId, request: Request, caller: WorkerCaller): Promise<Response> {
    return this.postgate.query(databaseId, request, caller);
  }

  /** See `DatabaseGateway` of the runner. */
  async listen(databaseId: DatabaseId, path: string, caller: WorkerCaller): Promise<AsyncDisposable> {
    return this.wire.listenFor(databaseId, path, caller);
  }

  /**
   * Refuses further calls and sessions, and resolves when calls under way have ended, and sessions their transactions; after
   * `patienceMs` they are cancelled.
   */
  async drain(patienceMs: number): Promise<void> {
    await Promise.all([this.postgate.drain(patienceMs), this.wire.drain(patienceMs)]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}
