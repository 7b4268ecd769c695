import { join } from "node:path";
import { type DatabaseId, type DatabaseScope, defaultDatabaseLimits, newId } from "@openworkers/core";
import {
  type Address,
  createDatabaseToken,
  createResource,
  type Database,
  databaseReady,
  parseAddress,
  registerSealingKey,
  SecretKeys,
  startEmbeddedPostgres,
} from "@openworkers/db";
import { temporaryCluster, temporaryDirectory, withTestDatabase } from "@openworkers/db/testing";
import { Client } from "pg";
import { PlatformDirectory } from "../../directory.ts";
import { type DatabaseRole, tenantNames } from "../../tenant.ts";
import { sessionSettings } from "../../tenants/session-settings.ts";
import { TenantServer } from "../../tenants/tenant-server.ts";
import { installedPostgres, startDebianPostgres } from "../../testing/debian-postgres.ts";
import { ownCertificate } from "../listener/certificate.ts";
import { WireFace, type WireFaceOptions } from "../wire-face.ts";

export interface TenantsServer {
  readonly version: number;
  readonly address: Address;
  restart(): Promise<void>;
}

/** The server of ours, and Debian's where it is installed. */
export async function tenantsServers(parts: AsyncDisposableStack): Promise<TenantsServer[]> {
  const own = parts.use(await startEmbeddedPostgres({ dataDir: temporaryCluster(), durable: false }));
  const servers: TenantsServer[] = [
    {
      version: 18,
      address: parseAddress(own.urlOf("postgres")),
      restart: async () => {
        await own.stop();
        await own.start();
      },
    },
  ];
  for (const found of installedPostgres) {
    const { address, restart } = parts.use(await startDebianPostgres(found));
    servers.push({ version: found.version, address, restart });
  }
  return servers;
}

/** Of the roles of every tenant here. */
export const tenantPasswords: Record<DatabaseRole, string> = {
  owner: "owner-secret",
  "read-write": "rw-secret",
  "read-only": "ro-secret",
  reduce: "rd-secret",
};

export interface Reported {
  readonly message: string;
  readonly details: Record<string, unknown>;
}

/** A platform's database, its directory, and a wire face before `server`. */
export class TestPlatform implements AsyncDisposable {
  readonly database: Database;
  readonly directory: PlatformDirectory;
  readonly server: TenantsServer;
  readonly face: WireFace;
  readonly port: number;
  readonly certificateFile: string;
  readonly reported: Reported[] = [];
  readonly #by = newId<"user">();
  readonly #parts: AsyncDisposableStack;
  #count = 0;

  private constructor(
    parts: AsyncDisposableStack,
    database: Database,
    directory: PlatformDirectory,
    server: TenantsServer,
    options: Partial<WireFaceOptions>,
  ) {
    this.#parts = parts;
    this.database = database;
    this.directory = directory;
    this.server = server;
    this.face = parts.use(
      new WireFace({
        directory,
        server: server.address,
        budget: { enter: async () => ({ [Symbol.dispose]() {} }) },
        sessionSettings,
        report: (message, details) => void this.reported.push({ message, details }),
        ...options,
      }),
    );
    const place = temporaryDirectory();
    const certificate = ownCertificate(place);
    this.certificateFile = join(place, "postgate-tls.pem");
    this.port = this.face.listen({ hostname: "127.0.0.1", port: 0, certificate }).port;
  }

  static async start(server: TenantsServer, options: Partial<WireFaceOptions> = {}): Promise<TestPlatform> {
    const parts = new AsyncDisposableStack();
    const { database } = parts.use(await withTestDatabase());
    const secretKeys = await SecretKeys.load({ directory: temporaryDirectory() });
    await registerSealingKey(database, secretKeys);
    const tenants = parts.use(new TenantServer(server.address));
    await tenants.prepare();
    const directory = parts.use(
      await PlatformDirectory.open({
        database,
        secretKeys,
        make: async (id) => {
          await tenants.make(id, tenantPasswords, defaultDatabaseLimits);
          await databaseReady(database, id, { kind: "platform", opens: tenantPasswords });
        },
      }),
    );
    const platform = new TestPlatform(parts, database, directory, server, options);
    await database.write((transaction) =>
      transaction.insertInto("users").values({ id: platform.#by, name: "ada" }).execute(),
    );
    return platform;
  }

  get by() {
    return this.#by;
  }

  /** A database, and a token for it. */
  async tenant(
    scope: DatabaseScope = "owner",
  ): Promise<{ id: DatabaseId; name: string; token: string; tokenName: string }> {
    const name = `tenant-${++this.#count}`;
    const id = await createResource(this.database, "database", { name, by: this.#by });
    return { id, name, ...(await this.token(id, scope)) };
  }

  async token(
    databaseId: DatabaseId,
    scope: DatabaseScope,
    expiresAt?: Date,
  ): Promise<{ token: string; tokenName: string }> {
    const tokenName = `token-${++this.#count}`;
    const { token } = await createDatabaseToken(this.database, {
      databaseId,
      name: tokenName,
      scope,
      expiresAt,
      by: this.#by,
    });
    return { token, tokenName };
  }

  /** What libpq reads. */
  url(token: string, options = "sslmode=require"): string {
    return `postgres://anybody:${token}@127.0.0.1:${this.port}/anything?${options}`;
  }

  /** A driver that is connected; goes with the platform. */
  async connect(token: string, options: Record<string, unknown> = {}): Promise<Client> {
    const client = new Client({
      host: "127.0.0.1",
      port: this.port,
      user: "u",
      database: "d",
      password: token,
      ...options,
    });
    client.on("error", () => {});
    await client.connect();
    this.#parts.defer(() => client.end());
    return client;
  }

  /** Asks the tenants' server, as its administrator. */
  async ask(sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    return asAdmin(this.server.address, async (admin) => (await admin.query(sql, values)).rows);
  }

  /** Resolves when the tenants' server has `count` sessions of the tenant, or says what it has instead. */
  async sessions(id: DatabaseId, count: number): Promise<void> {
    const { database } = tenantNames(id);
    for (let tries = 0; ; tries++) {
      const rows = await this.ask("select state, query from pg_stat_activity where datname = $1", [database]);
      if (rows.length === count) return;
      if (tries === 200)
        throw new Error(`${rows.length} sessions instead of ${count}: ${JSON.stringify(rows)}`);
      await Bun.sleep(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts[Symbol.asyncDispose]();
  }
}

async function asAdmin<T>(address: Address, work: (admin: Client) => Promise<T>): Promise<T> {
  const { host, port, database, user, password } = address;
  const admin = new Client({ host, port, database, user, password });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

/** The address as a URL, password included. */
export function socketUrlOf({ host, port, database, user, password = "" }: Address): string {
  return `postgres:///${database}?${new URLSearchParams({ host, port: String(port), user, password })}`;
}

/** Runs a program to its end and gives what it wrote. */
export async function run(
  command: string[],
  { env = {}, input }: { env?: Record<string, string>; input?: string } = {},
): Promise<{ code: number; out: string; err: string }> {
  const child = Bun.spawn(command, {
    env: { PATH: process.env.PATH ?? "", HOME: "/nonexistent", ...env },
    stdin: input === undefined ? "ignore" : new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [code, out, err] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { code, out, err };
}
