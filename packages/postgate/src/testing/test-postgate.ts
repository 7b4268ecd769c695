import type { DatabaseLimits } from "@openworkers/core";
import type { PostgateEvent } from "../events.ts";
import { Postgate, type PostgateOptions } from "../postgate.ts";
import { type Tenant, tenantNames } from "../tenant.ts";
import type { TestServer } from "./test-server.ts";
import { TestTenants, testSettings } from "./test-tenants.ts";

/** What the query protocol answers, read. */
export interface Answer {
  readonly status: number;
  readonly results: readonly {
    readonly columns: readonly { readonly name: string; readonly type: string }[];
    readonly rows: readonly (readonly unknown[])[];
    readonly command: string;
    readonly rowCount: number;
    readonly durationMs: number;
  }[];
  readonly error: Readonly<Record<string, unknown>> | undefined;
}

/** A Postgate before a server, with tenants on it. */
export class TestPostgate implements AsyncDisposable {
  readonly tenants: TestTenants;
  readonly postgate: Postgate;
  readonly events: PostgateEvent[];

  private constructor(tenants: TestTenants, postgate: Postgate, events: PostgateEvent[]) {
    this.tenants = tenants;
    this.postgate = postgate;
    this.events = events;
  }

  static async open(server: TestServer, options: Partial<PostgateOptions> = {}): Promise<TestPostgate> {
    const tenants = new TestTenants(server.address);
    const events: PostgateEvent[] = [];
    const postgate = await Postgate.open({
      directory: tenants,
      server: server.address,
      sessionSettings: testSettings,
      onEvent: (event) => events.push(event),
      ...options,
    });
    return new TestPostgate(tenants, postgate, events);
  }

  make(name: string, limits?: Partial<DatabaseLimits>): Promise<Tenant> {
    return this.tenants.make(name, limits);
  }

  /** One call in process, as a worker's. */
  async query({ id }: Tenant, body: object | string, signal?: AbortSignal): Promise<Answer> {
    const request = new Request("http://postgate/query", {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    });
    return read(await this.postgate.query(id, request, { worker: "test" }));
  }

  /** The rows of one statement that must succeed. */
  async rows(
    tenant: Tenant,
    sql: string,
    params: readonly (string | null)[] = [],
  ): Promise<readonly (readonly unknown[])[]> {
    const { results, error } = await this.query(tenant, { sql, params });
    if (error !== undefined) throw new Error(JSON.stringify(error));
    return results[0]?.rows ?? [];
  }

  /** What a tenant's database is called on the server. */
  databaseOf(id: Tenant["id"]): string {
    return tenantNames(id).database;
  }

  /** Sessions on the tenant's database that the server has. */
  async sessions({ id }: Tenant): Promise<number> {
    const [row] = await this.tenants.admin<{ count: number }>(
      `select count(*)::int from pg_stat_activity where datname = '${this.databaseOf(id)}'`,
    );
    return row?.count ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.postgate[Symbol.asyncDispose]();
    await this.tenants[Symbol.asyncDispose]();
  }
}

export async function read(response: Response): Promise<Answer> {
  const { results = [], error } = (await response.json()) as Partial<Answer>;
  return { status: response.status, results, error };
}

/** Resolves when `condition` holds; the test's own timeout is what ends it otherwise. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await Bun.sleep(5);
}
