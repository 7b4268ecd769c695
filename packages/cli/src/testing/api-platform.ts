import { createHash } from "node:crypto";
import { join } from "node:path";
import { type ApiEnv, createApp } from "@openworkers/api";
import { sqlIn } from "@openworkers/api/sql";
import { type ApiClient, createClient } from "@openworkers/client";
import { newId, type UserId } from "@openworkers/core";
import { createUser, type Database, registerSealingKey, SecretKeys } from "@openworkers/db";
import { withTestDatabase } from "@openworkers/db/testing";
import { BucketStores, PlatformServices } from "@openworkers/runner";
import { openOwnCells } from "../platform/cell-host.ts";
import { openPlatformGateway } from "../platform/platform-gateway.ts";
import { defaultSandbox } from "../platform/sandbox-kind.ts";
import { testFolder } from "./files.ts";

/** The API and all that it stands on, without a network between it and its clients. */
export interface ApiPlatform extends AsyncDisposable {
  readonly database: Database;
  /** What the operator of a real one would have been told. */
  readonly reports: readonly unknown[];
  /** A client for somebody new. */
  person(name: string): Promise<ApiClient>;
}

type Cells = Awaited<ReturnType<typeof openOwnCells>>;

/** Where workers are started that are to be checked; for all platforms of a test file. */
export async function checkCells(): Promise<Cells> {
  return await openOwnCells(defaultSandbox);
}

/** An empty platform with its API, whose sessions go through Postgate and whose checks run in `cells`. */
export async function apiPlatform(cells: Cells): Promise<ApiPlatform> {
  await using parts = new AsyncDisposableStack();
  const { database } = parts.use(await withTestDatabase());
  const folder = parts.use(await testFolder());
  const secretKeys = await SecretKeys.load({ directory: folder.path });
  await registerSealingKey(database, secretKeys);
  const reports: unknown[] = [];
  const report = (...told: unknown[]) => void reports.push(told);
  const gateway = parts.use(await openPlatformGateway({ database, report }));
  parts.use(await gateway.listen("api", join(folder.path, ".s.PGSQL.5432")));
  const services = new PlatformServices({
    database,
    secretKeys,
    gateway,
    stores: new BucketStores(database, secretKeys),
    host: () => cells,
    runners: async () => [],
    report,
  });
  const env: ApiEnv = {
    SQL: sqlIn(folder.path),
    PLATFORM: services,
    IDENTITY: { fetch: async () => new Response(null, { status: 404 }) },
    BASE_URL: "http://api.test",
  };
  const app = createApp();
  const held = parts.move();
  return {
    database,
    reports,
    async person(name) {
      const { id } = await createUser(database, name);
      const fetch = async (request: Request) => await app.fetch(request, env);
      return createClient({ url: env.BASE_URL, token: await keyOf(database, id), fetch });
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** An API key of somebody's that may do all that they may. */
export async function keyOf(database: Database, user: UserId): Promise<string> {
  const key = `ow_${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url")}`;
  await database.write((transaction) =>
    transaction
      .insertInto("api_keys")
      .values({
        id: newId<"api-key">(),
        user_id: user,
        account_id: null,
        name: "test",
        prefix: key.slice(0, 10),
        hash: createHash("sha256").update(key).digest(),
        scopes: ["*"],
        expires_at: null,
      })
      .execute(),
  );
  return key;
}
