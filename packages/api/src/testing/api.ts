import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Bus } from "@openworkers/bus";
import { testBus } from "@openworkers/bus/testing";
import { newId, type Report, streams, type UserId } from "@openworkers/core";
import { createUser, type Database, ensureOperator, registerSealingKey, SecretKeys } from "@openworkers/db";
import { temporaryDirectory, withTestDatabase } from "@openworkers/db/testing";
import { createLogsService, type LogsService, readLogsSettings } from "@openworkers/logs";
import { callerMay, PlatformFace, TenantGateway } from "@openworkers/postgate";
import { BucketStores, PlatformServices, readSettings, storageServices } from "@openworkers/runner";
import { createApp } from "../app.ts";
import { sqlIn } from "../database/socket.ts";
import type { Env } from "../env.ts";
import type { Api } from "../http/route.ts";
import { IdentityWorker } from "../identity/testing/in-process.ts";
import { checkWithoutCell } from "./stand-ins.ts";

/** A person with a credential of theirs. */
export interface Person {
  readonly id: UserId;
  readonly name: string;
  readonly token: string;
}

/** What a route answered. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks at what it expects
  readonly body: any;
  readonly headers: Headers;
}

export interface Ask {
  readonly method?: string;
  readonly as?: Person | string | undefined;
  readonly json?: unknown;
  readonly body?: FormData | string | Uint8Array<ArrayBuffer>;
  readonly headers?: Record<string, string>;
}

export interface TestApi extends AsyncDisposable {
  readonly app: Api;
  /** What the app has on `env`. */
  readonly env: Env;
  readonly database: Database;
  /** Where messages of queues lie; nobody takes them. */
  readonly bus: Bus;
  readonly operator: Person;
  readonly ada: Person;
  readonly bob: Person;
  /** `GET /v1<path>` as nobody, unless told otherwise. */
  ask(path: string, options?: Ask): Promise<Answer>;
  /** TXT records that DNS tells, by their names. */
  readonly records: Map<string, string[][]>;
  /** An API key's text, with these scopes. */
  keyOf(user: UserId, scopes: readonly string[], account?: UserId): Promise<string>;
  /** Deploys a worker through the API. */
  deploy(as: Person, worker: string, metadata?: object, source?: string): Promise<Answer>;
}

/** What there would be of a runner. */
const runner = {
  ...{ host: "test", pid: 1, port: 1, startedAt: new Date(), cores: 1, availableMemory: 1, memoryBytes: 1 },
  ...{ connections: 0, routesFresh: true, cells: [] },
  stats: {
    ...{ cells: 0, starting: 0, blank: 0, draining: 0, inFlight: 0, waiting: 0, coldStarts: 0 },
    ends: { crashed: 0 },
  },
};

const baseUrl = "http://api.test";

export interface TestApiOptions {
  /** Whether there is a logs service, which takes a moment to start. */
  readonly logs?: boolean;
  /** Who may make an account; the invited alone unless said otherwise. */
  readonly registration?: "closed" | "open";
}

/** The API and sign-in over a database of their own, with an operator and two people, Ada and Bob. */
export async function testApi({
  logs = false,
  registration = "closed",
}: TestApiOptions = {}): Promise<TestApi> {
  const fixture = await withTestDatabase();
  const { database } = fixture;
  const reports: unknown[] = [];
  const report = (...told: unknown[]) => {
    reports.push(told);
  };
  const face = await PlatformFace.open({ database, report });
  /** The directory of its socket. */
  const listen = (kind: "api" | "identity"): string => {
    const directory = temporaryDirectory();
    face.listen(kind, join(directory, ".s.PGSQL.5432"));
    return directory;
  };
  const keys = await SecretKeys.load({ directory: temporaryDirectory() });
  await registerSealingKey(database, keys);
  const records = new Map<string, string[][]>();
  const tenants = await TenantGateway.open({ database, secretKeys: keys, tenantsUrl: fixture.url, report });
  const busFixture = testBus();
  const { bus } = busFixture;
  await bus.declare(streams.queues);
  const logsService = logs ? await startLogs(database, bus, report) : undefined;
  const platform = new PlatformServices({
    database,
    bus,
    secretKeys: keys,
    gateway: {
      async caller(credential) {
        const caller = await face.resolve(credential);
        return {
          userId: caller.userId,
          may: (owner, resource, action) => callerMay(database, caller, { owner, resource, action }),
        };
      },
    },
    stores: new BucketStores(database, keys, storageServices(readSettings({}))),
    databases: tenants,
    host: () => {
      throw new Error("no cells here");
    },
    preview: async (label, path, { method = "GET", headers }) =>
      Response.json(
        { label, path, method, headers: Object.fromEntries(headers) },
        { headers: { "x-request-id": "r1" } },
      ),
    runners: async () => [runner],
    ...(logsService === undefined ? {} : { logsUrl: logsService.url }),
    resolver: { resolveTxt: async (name) => records.get(name) ?? [] },
    report,
  });
  const identity = new IdentityWorker(
    `postgres:///platform?host=${listen("identity")}&user=identity&port=5432`,
    { BASE_URL: baseUrl, REGISTRATION: registration },
  );
  const env: Env = {
    SQL: sqlIn(listen("api")),
    PLATFORM: {
      fetch: async (request) =>
        new URL(request.url).pathname === "/check" ? checkWithoutCell(request) : platform.fetch(request),
    },
    IDENTITY: identity,
    BASE_URL: baseUrl,
  };
  const app = createApp();
  const keyOf = async (user: UserId, scopes: readonly string[], account?: UserId) => {
    const token = `ow_${crypto.getRandomValues(new Uint8Array(32)).toBase64({ alphabet: "base64url", omitPadding: true })}`;
    const id = newId<"api-key">();
    await database.write((transaction) =>
      transaction
        .insertInto("api_keys")
        .values({
          id,
          user_id: user,
          account_id: account ?? null,
          name: id,
          prefix: token.slice(0, 8),
          hash: createHash("sha256").update(token).digest(),
          scopes: [...scopes],
          expires_at: null,
        })
        .execute(),
    );
    return token;
  };
  const person = async (id: UserId, name: string): Promise<Person> => ({
    id,
    name,
    token: await keyOf(id, ["*"]),
  });
  const ask = async (
    path: string,
    { method = "GET", as, json, body, headers = {} }: Ask = {},
  ): Promise<Answer> => {
    const token = typeof as === "string" ? as : as?.token;
    const request = new Request(`${baseUrl}${path.startsWith("/v1") ? path : `/v1${path}`}`, {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(json === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(json === undefined ? (body === undefined ? {} : { body }) : { body: JSON.stringify(json) }),
    });
    const response = await app.fetch(request, env);
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.startsWith("application/json") === true;
    return { status: response.status, body: isJson ? JSON.parse(text) : text, headers: response.headers };
  };
  return {
    app,
    env,
    database,
    bus,
    operator: await person((await ensureOperator(database)).id, "operator"),
    ada: await person((await createUser(database, "ada")).id, "ada"),
    bob: await person((await createUser(database, "bob")).id, "bob"),
    ask,
    records,
    keyOf,
    deploy: (as, worker, metadata = {}, source = `export default {} // ${worker}`) =>
      ask(`/workers/${worker}/versions`, { method: "POST", as, body: uploadForm(metadata, source) }),
    async [Symbol.asyncDispose]() {
      await identity.settled();
      await logsService?.[Symbol.asyncDispose]();
      await tenants[Symbol.asyncDispose]();
      await busFixture[Symbol.asyncDispose]();
      await face[Symbol.asyncDispose]();
      await fixture[Symbol.asyncDispose]();
      if (reports.length > 0) throw new Error(`the face reported ${JSON.stringify(reports)}`);
    },
  };
}

async function startLogs(database: Database, bus: Bus, report: Report): Promise<LogsService> {
  return createLogsService({ database, bus, ports: [0], settings: readLogsSettings({}), report });
}

/** A form that deploys a worker of one module. */
export function uploadForm(metadata: object = {}, source = "export default {}"): FormData {
  const form = new FormData();
  const said = {
    modules: [{ name: "index.js", type: "esModule" }],
    compatibilityDate: "2026-11-01",
    ...metadata,
  };
  form.set("metadata", JSON.stringify(said));
  form.set("index.js", new Blob([source]));
  return form;
}
