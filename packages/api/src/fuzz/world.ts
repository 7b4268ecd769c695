import { sql } from "kysely";
import { setupToken } from "../identity/testing/in-process.ts";
import { type Person, type TestApi, testApi, uploadForm } from "../testing/api.ts";
import type { FuzzedAnswer } from "./judge.ts";
import type { Operation } from "./operations.ts";
import type { Caller, FuzzedRequest, Segment } from "./request.ts";

const accountName = "fuzzed";
const workerName = "fuzzed-worker";
/** Everybody's. */
export const password = "correct horse battery";

/** An organisation that has one of everything, and who asks for it. */
export class World implements AsyncDisposable {
  readonly api: TestApi;
  #known: Readonly<Record<string, string>> = {};
  #session = "";
  #people = 0;

  private constructor(api: TestApi) {
    this.api = api;
  }

  static async open(): Promise<World> {
    const world = new World(await testApi({ logs: true, registration: "open" }));
    await world.mend();
    return world;
  }

  /** Sends a request that was made up. */
  async send(operation: Operation, request: FuzzedRequest): Promise<FuzzedAnswer> {
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      this.#segment(operation, name, request.params[name] ?? { known: true }),
    );
    const { body } = request;
    const token = this.#token(request.caller);
    const stopped = new AbortController();
    const response = await this.api.app.fetch(
      new Request(`http://api.test${path}${searchOf(request)}`, {
        method: operation.method,
        headers: {
          "cf-connecting-ip": this.nextAddress(),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body?.type === undefined ? {} : { "content-type": body.type }),
          ...(body === undefined ? {} : { "content-length": String(body.bytes.byteLength) }),
          ...request.headers,
        },
        signal: stopped.signal,
        ...(body === undefined ? {} : { body: new Blob([body.bytes]).stream(), duplex: "half" }),
      }),
      this.api.env,
    );
    const text = await beginning(response);
    stopped.abort();
    return { status: response.status, headers: response.headers, text };
  }

  /** What there is, for each parameter of a path. */
  get known(): Readonly<Record<string, string>> {
    return this.#known;
  }

  /** Of somebody who has not been here. */
  newEmail(): string {
    return `fuzz-${++this.#people}@example.com`;
  }

  /** Of one more client: limits by address are tested elsewhere. */
  readonly nextAddress = (): string => addressOf(this.#people++);

  /** Makes anew whatever a request has deleted or spoilt. */
  async mend(): Promise<void> {
    if (await this.#isWhole()) return;
    const { api } = this;
    const { ada } = api;
    const make = async (path: string, json: object, as: Person = ada) => {
      const answer = await api.ask(path, { method: "POST", as, json });
      if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
      return answer.body;
    };
    const first = async (path: string) => {
      const { body } = await api.ask(path, { as: ada });
      return body.items?.[0];
    };
    const account =
      (await this.#thing(`/accounts/${accountName}`)) ?? (await make("/accounts", { name: accountName }));
    const of = `account=${accountName}`;
    await this.#viewer(account.id);
    for (const kind of ["kv", "storage", "databases", "queues"] as const) {
      const name = {
        kv: "fuzzed-kv",
        storage: "fuzzed-bucket",
        databases: "fuzzed-db",
        queues: "fuzzed-queue",
      }[kind];
      if ((await this.#thing(`/${kind}/${name}?${of}`)) === undefined) await make(`/${kind}?${of}`, { name });
    }
    if ((await this.#thing(`/environments/fuzzed-environment?${of}`)) === undefined) {
      await make(`/environments?${of}`, { name: "fuzzed-environment" });
    }
    const id = async (path: string) => (await this.#thing(`${path}?${of}`))?.id as string;
    const database = await id("/databases/fuzzed-db");
    const namespace = await id("/kv/fuzzed-kv");
    const bucket = await id("/storage/fuzzed-bucket");
    if ((await this.#thing(`/workers/${workerName}`)) === undefined) {
      const metadata = {
        account: accountName,
        environmentSecrets: { SECRET: "x" },
        bindings: {
          KV: { kind: "kv", namespace: "fuzzed-kv" },
          BUCKET: { kind: "storage", bucket: "fuzzed-bucket" },
          DB: { kind: "database", database: "fuzzed-db" },
          QUEUE: { kind: "queue", queue: "fuzzed-queue" },
        },
      };
      const form = uploadForm(metadata);
      form.set("map:index.js", new Blob(['{"version":3,"sources":[],"mappings":""}']));
      const path = `/workers/${workerName}/versions`;
      const deployed = await api.ask(path, { method: "POST", as: ada, body: form });
      if (deployed.status !== 201) throw new Error(JSON.stringify(deployed.body));
      await api.deploy(ada, workerName);
    }
    const worker = `/workers/${workerName}`;
    const cron =
      (await first(`${worker}/crons`)) ?? (await make(`${worker}/crons`, { expression: "0 0 1 1 *" }));
    if ((await first(`${worker}/events`)) === undefined) {
      await api.ask(`${worker}/crons/${cron.id}/run`, { method: "POST", as: ada });
    }
    const hostname = "fuzzed.example.com";
    if ((await first(`${worker}/domains`)) === undefined) await make(`${worker}/domains`, { hostname });
    const invitations = `/accounts/${accountName}/invitations`;
    const invitation =
      (await first(invitations)) ?? (await make(invitations, { email: "x@example.com", role: "viewer" }));
    const tokens = `/databases/${database}/tokens`;
    const token =
      (await first(`${tokens}?${of}`)) ??
      (await make(`${tokens}?${of}`, { name: "fuzzed", scope: "read-only" }));
    const query = { sql: "create table if not exists t (a int primary key)" };
    await api.ask(`/databases/${database}/query`, { method: "POST", as: ada, json: query });
    for (const [path, body] of [
      [`/kv/${namespace}/values/known-key`, "1"],
      [`/storage/${bucket}/objects/known-key`, "1"],
    ] as const) {
      const put = await api.ask(path, {
        method: "PUT",
        as: ada,
        body,
        headers: { "content-type": "application/octet-stream", "content-length": String(body.length) },
      });
      if (put.status >= 300) throw new Error(`${path}: ${JSON.stringify(put.body)}`);
    }
    await api.ask(`/workers/${workerName}/secrets/SECRET`, { method: "PUT", as: ada, json: { value: "x" } });
    const signed = await make(`/storage/${bucket}/signed`, { key: "known-key", method: "GET" });
    const spare =
      (await first(`/keys?${of}`)) ??
      (await make(`/keys?${of}`, { name: "spare", scopes: ["workers:read"] }));
    const sessions = await this.#sessions();
    this.#known = {
      account: account.id,
      bucket,
      cron: cron.id,
      database,
      deployment: (await first(`${worker}/deployments`))?.id,
      environment: await id("/environments/fuzzed-environment"),
      event: (await first(`${worker}/events`))?.id,
      hostname: (await first(`${worker}/domains`))?.hostname,
      id: sessions,
      invitation: invitation.id,
      key: "known-key",
      "keys key": spare.id,
      member: api.bob.id,
      name: "SECRET",
      namespace,
      queue: await id("/queues/fuzzed-queue"),
      schema: "public",
      table: "t",
      token: token.name,
      "signed token": String(signed.url).split("/").at(-1) ?? "",
      version: "1",
      worker: (await this.#thing(worker))?.id,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api[Symbol.asyncDispose]();
  }

  #segment({ path }: Operation, name: string, segment: Segment): string {
    if ("text" in segment) return segment.text;
    // `/keys/{key}` is another one than that of a value.
    const [, , kind] = path.split("/");
    return encodeURIComponent(this.#known[`${kind} ${name}`] ?? this.#known[name] ?? "unknown");
  }

  #token(caller: Caller): string | undefined {
    const { ada, bob, operator } = this.api;
    const tokens = {
      operator: operator.token,
      owner: ada.token,
      viewer: bob.token,
      session: this.#session,
      stranger: `ow_${"x".repeat(43)}`,
    };
    return caller === "nobody" ? undefined : tokens[caller];
  }

  /** Whether all is there still; asked of the database, because it is asked after each request that changed something. */
  async #isWhole(): Promise<boolean> {
    const { worker, namespace, bucket, database, queue, environment, cron, event, hostname, id, invitation } =
      this.#known;
    const { rows } = await this.api.database.read((queries) =>
      sql<{ whole: boolean }>`select
        exists (select from workers where id = ${worker}::uuid) and
        exists (select from kv_namespaces where id = ${namespace}::uuid) and
        exists (select from storage_buckets where id = ${bucket}::uuid) and
        exists (select from databases where id = ${database}::uuid) and
        exists (select from queues where id = ${queue}::uuid) and
        exists (select from environments where id = ${environment}::uuid) and
        exists (select from crons where id = ${cron}::uuid) and
        exists (select from scheduled_events where id = ${event}::uuid) and
        exists (select from domains where hostname = ${hostname}) and
        exists (select from identity.sessions where id = ${id}::uuid) and
        exists (select from invitations where id = ${invitation}::uuid) and
        exists (select from api_keys where id = ${this.#known["keys key"]}::uuid) and
        exists (select from database_tokens where database_id = ${database}::uuid and name = 'fuzzed') and
        exists (select from members where user_id = ${this.api.bob.id}::uuid and role = 'viewer') and
        exists (select from environment_values where name = 'SECRET') and
        exists (select from kv_entries) and exists (select from storage_objects)
        as whole`.execute(queries),
    );
    return rows[0]?.whole === true;
  }

  async #thing(path: string) {
    const { status, body } = await this.api.ask(path, { as: this.api.ada });
    return status === 200 ? body : undefined;
  }

  async #viewer(organisation: string): Promise<void> {
    await this.api.database.write((transaction) =>
      transaction
        .insertInto("members")
        .values({ organisation_id: organisation as never, user_id: this.api.bob.id, role: "viewer" })
        .onConflict((conflict) =>
          conflict.columns(["organisation_id", "user_id"]).doUpdateSet({ role: "viewer" }),
        )
        .execute(),
    );
  }

  /** Signs somebody in whose session may be ended, and returns the id of a second session of theirs. */
  async #sessions(): Promise<string> {
    const { api } = this;
    const me = await api.ask("/auth/sessions", { as: this.#session });
    if (me.status === 200) return me.body.items.at(-1).id;
    const email = this.newEmail();
    const made = await api.ask("/auth/setup?token=true", {
      method: "POST",
      json: { token: await setupToken(api.database), email, password },
      headers: { "cf-connecting-ip": this.nextAddress() },
    });
    if (made.status !== 201) throw new Error(JSON.stringify(made.body));
    this.#session = made.body.token;
    return this.#sessions();
  }
}

function addressOf(index: number): string {
  return `2001:db8:${(index >> 16).toString(16)}:${(index & 0xffff).toString(16)}::1`;
}

function searchOf({ query }: FuzzedRequest): string {
  const search = new URLSearchParams(
    query.map(([name, value]): [string, string] => [name, value.toWellFormed()]),
  );
  return search.size === 0 ? "" : `?${search}`;
}

async function beginning(response: Response): Promise<string> {
  if (response.headers.get("content-type")?.startsWith("text/event-stream") !== true) return response.text();
  const reader = response.body?.getReader();
  const { value } = (await reader?.read()) ?? {};
  await reader?.cancel();
  return new TextDecoder().decode(value);
}
