import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { sqlIn } from "@openworkers/api/sql";
import { OpenWorkersError, type Report } from "@openworkers/core";
import { type Database, ensureSystemUser, registerSealingKey, type SecretKeys } from "@openworkers/db";
import {
  BucketStores,
  type CellHost,
  PlatformServices,
  readSettings,
  storageServices,
} from "@openworkers/runner";
import type { Output } from "../../output/output.ts";
import { openOwnCells } from "../cell-host.ts";
import { openPlatformGateway } from "../platform-gateway.ts";
import { startGateway } from "../postgate.ts";
import { runtimeDirFor } from "../runtime-dir.ts";
import type { SandboxKind } from "../sandbox-kind.ts";
import type { SystemSettings } from "./settings.ts";
import { openedValues, syncValues, systemValues } from "./values.ts";

export interface ServeApiOptions {
  /** The platform's, migrated. The caller's. */
  readonly database: Database;
  readonly databaseUrl: string;
  readonly secretKeys: SecretKeys;
  readonly dataDir: string;
  readonly sandbox: SandboxKind;
  readonly settings: SystemSettings;
  readonly hostname: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly logsUrl?: string;
  readonly output: Output;
  readonly report: Report;
}

/** What a worker's module exports, as far as the API's are called here. */
interface ApiWorker {
  fetch(request: Request, env: object, context: object): Response | Promise<Response>;
}

/**
 * Serves the API from this process, with the rights that its workers have in their cells and no others: its statements go
 * through Postgate's face, and what SQL cannot do through the same services. For when the platform cannot.
 *
 * @throws OpenWorkersError PORT_IN_USE, SECRET_UNREADABLE, CONFIG_INVALID, DATABASE_UNAVAILABLE
 */
export async function serveApi(
  options: ServeApiOptions,
): Promise<AsyncDisposable & { readonly url: string }> {
  const { database, secretKeys, report } = options;
  await using parts = new AsyncDisposableStack();
  await registerSealingKey(database, secretKeys);
  const gateway = parts.use(await openPlatformGateway({ database, report }));
  const directory = await mkdtemp(join(runtimeDirFor(options.dataDir), "api-"));
  parts.defer(() => rm(directory, { recursive: true, force: true }));
  const listenAs = async (face: "api" | "identity") => {
    const socket = join(directory, face);
    await mkdir(socket, { mode: 0o700 });
    parts.use(await gateway.listen(face, join(socket, ".s.PGSQL.5432")));
    return socket;
  };
  const databases = await startGateway(options);
  if (databases !== undefined) parts.use(databases);
  // Made when something is to be checked: it may be the sandbox that keeps the platform from running.
  let host: Promise<CellHost> | undefined;
  // Whoever wanted a check has been told that they cannot be started; there is nothing to end then.
  parts.defer(async () => (await host?.catch(() => undefined))?.[Symbol.asyncDispose]());
  const services = new PlatformServices({
    ...{ database, secretKeys, gateway, report },
    stores: new BucketStores(database, secretKeys, storageServices(readSettings(process.env))),
    host: () => ({
      async launchBlank() {
        host ??= openOwnCells(options.sandbox);
        return (await host).launchBlank();
      },
    }),
    // It is none itself, and on no bus.
    runners: async () => [],
    ...(databases === undefined ? {} : { databases }),
    ...(options.logsUrl === undefined ? {} : { logsUrl: options.logsUrl }),
  });
  const [api, identity] = await Promise.all([
    load(() => import("@openworkers/api/worker")),
    load(() => import("@openworkers/api/identity")),
  ]);
  const pending = new Set<Promise<unknown>>();
  parts.defer(async () => void (await Promise.allSettled(pending)));
  const context = {
    waitUntil(work: Promise<unknown>) {
      const done = work
        .catch((error: unknown) => report("Work of the API's after an answer failed.", { error }))
        .finally(() => pending.delete(done));
      pending.add(done);
    },
    passThroughOnException() {},
  };
  const PLATFORM = { fetch: (request: Request) => services.fetch(request) };
  const identityHost = encodeURIComponent(await listenAs("identity"));
  const identitySql = {
    connectionString: `postgresql://identity:none@localhost/database?host=${identityHost}`,
  };
  const apiSql = sqlIn(await listenAs("api"));
  let serve: (request: Request) => Promise<Response> = async () => new Response(null, { status: 503 });
  const server = listen(options, (request) => serve(request));
  parts.defer(() => server.stop(true));
  const url = options.settings.baseUrl ?? `http://${options.hostname}:${server.port}`;
  const owner = await ensureSystemUser(database);
  const values = systemValues("identity", options.settings, { baseUrl: url });
  // The secret alone is to be as it was: what else it holds is the deployed worker's, and stays.
  const { environmentId } = await syncValues(database, secretKeys, {
    name: "identity",
    owner,
    values: { vars: {}, secrets: {}, made: values.made },
  });
  const kept = await openedValues(database, secretKeys, environmentId);
  const made = Object.fromEntries(values.made.map((name) => [name, kept.get(name)]));
  const identityEnv = { ...values.vars, ...values.secrets, ...made, SQL: identitySql, PLATFORM };
  const IDENTITY = {
    fetch: async (request: Request) => await identity.fetch(request, identityEnv, context),
  };
  const apiEnv = { BASE_URL: url, SQL: apiSql, PLATFORM, IDENTITY };
  serve = async (request) => await api.fetch(request, apiEnv, context);
  const owned = parts.move();
  return { url: `${url}/v1`, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

async function load(module: () => Promise<{ default: unknown }>): Promise<ApiWorker> {
  const { default: worker } = await module();
  return worker as ApiWorker;
}

function listen(
  { hostname, port }: ServeApiOptions,
  answer: (request: Request) => Promise<Response>,
): Bun.Server<undefined> {
  try {
    return Bun.serve({
      hostname,
      port,
      development: false,
      idleTimeout: 0,
      maxRequestBodySize: 5 * 2 ** 30,
      fetch: (request, server) => {
        // Nobody's word for it but the connection's, as the ingress has it.
        const headers = new Headers(request.headers);
        headers.set("cf-connecting-ip", server.requestIP(request)?.address ?? "");
        return answer(new Request(request, { headers }));
      },
    });
  } catch (cause) {
    throw new OpenWorkersError("PORT_IN_USE", `Nothing can listen on ${hostname}:${port}.`, {
      cause,
      hint: "Choose another: --listen 0",
    });
  }
}
