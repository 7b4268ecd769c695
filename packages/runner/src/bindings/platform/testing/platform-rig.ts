import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import {
  type Binding,
  type BucketId,
  type DatabaseId,
  OpenWorkersError,
  type UserId,
} from "@openworkers/core";
import { createResource, createUser, registerSealingKey, SecretKeys } from "@openworkers/db";
import { type TestDatabase, temporaryDirectory, withTestDatabase } from "@openworkers/db/testing";
import { findSandbox } from "../../../cells/sandbox/find-sandbox.ts";
import { program, type TestCell, type TestCells, testCells } from "../../../cells/testing/test-cells.ts";
import { Broker } from "../../broker.ts";
import { type TestGateway, testGateway } from "../../database/testing/test-gateway.ts";
import { BucketStores } from "../../storage/bucket-stores.ts";
import { type Inside, sourceOf } from "../../testing/binding-cells.ts";
import type { PlatformGateway } from "../gateway.ts";
import { platformServicesPlugin } from "../platform.ts";
import { PlatformServices, type PlatformServicesOptions } from "../services.ts";

/** Somebody with a credential, and what is theirs. */
export interface TestPerson {
  readonly id: UserId;
  readonly credential: string;
  readonly bucketId: BucketId;
  readonly databaseId: DatabaseId;
}

/** A runner's services for the platform's own workers, over a real PostgreSQL, with cells that ask for them. */
export interface PlatformRig extends AsyncDisposable {
  readonly own: TestDatabase;
  readonly secretKeys: SecretKeys;
  readonly stores: BucketStores;
  readonly databases: TestGateway;
  readonly services: PlatformServices;
  readonly cells: TestCells;
  /** What the operator was told. */
  readonly reports: readonly Record<string, unknown>[];
  /** Somebody new. `scopes` are what their credential is for: `storage:read`, …; everything unless given. */
  person(name: string, scopes?: readonly string[]): Promise<TestPerson>;
  /** Another credential of theirs. */
  credential(person: TestPerson, scopes: readonly string[]): string;
  /** Asks the services as a system worker would, which passes on whose credential it was sent. */
  ask(path: string, by: TestPerson | string | undefined, init?: RequestInit): Promise<Response>;
  /** A cell that has them as `env.PLATFORM`. */
  start(inside: Inside, bindings?: Readonly<Record<string, Binding>>): Promise<TestCell>;
}

export async function platformRig(
  options: Partial<Pick<PlatformServicesOptions, "bus" | "logsUrl" | "resolver" | "preview">> = {},
): Promise<PlatformRig> {
  await using parts = new AsyncDisposableStack();
  const own = parts.use(await withTestDatabase());
  const { database } = own;
  const secretKeys = await SecretKeys.load({ directory: mkdtempSync(join(temporaryDirectory(), "keys-")) });
  await registerSealingKey(database, secretKeys);
  const databases = testGateway({ connectionString: own.url });
  const known = new Map<string, { readonly id: UserId; readonly scopes: readonly string[] }>();
  const gateway: Pick<PlatformGateway, "caller"> = {
    async caller(credential) {
      const caller = known.get(credential);
      if (caller === undefined) throw new OpenWorkersError("UNAUTHORIZED", "The credential is not good.");
      const { id, scopes } = caller;
      return {
        userId: id,
        may: async (owner, resource, action) =>
          owner === id && (scopes.includes("*") || scopes.includes(`${resource}:${action}`)),
      };
    },
  };
  const reports: Record<string, unknown>[] = [];
  const report = (message: string, details: Record<string, unknown>) =>
    void reports.push({ message, ...details });
  const stores = new BucketStores(database, secretKeys);
  const host: { cells?: TestCells } = {};
  const services = new PlatformServices({
    ...{ database, secretKeys, gateway, stores, databases, report },
    host: () => {
      if (host.cells === undefined) throw new Error("there are no cells yet");
      return host.cells.host;
    },
    preview: async () => new Response("no runner"),
    runners: async () => [{ cells: 1 }],
    ...options,
  });
  const handler = platformServicesPlugin.handler?.({ platform: services } as never);
  if (handler === undefined) throw new Error("the plugin has no handler");
  const broker = parts.use(
    new Broker({ handlers: new Map([["platform-services", handler as never]]), report }),
  );
  const cells = parts.use(await testCells(findSandbox("bubblewrap"), broker));
  host.cells = cells;
  const credential: PlatformRig["credential"] = ({ id }, scopes) => {
    const made = `ow_${crypto.randomUUID()}`;
    known.set(made, { id, scopes });
    return made;
  };
  const owned = parts.move();
  return {
    ...{ own, secretKeys, stores, databases, services, cells, reports, credential },
    async person(name, scopes = ["*"]) {
      const { id } = await createUser(database, name);
      const person = {
        id,
        bucketId: await createResource(database, "storage", { name: `${name}-bucket`, by: id }),
        databaseId: await createResource(database, "database", { name: `${name}-database`, by: id }),
      };
      return { ...person, credential: credential({ ...person, credential: "" }, scopes) };
    },
    ask(path, by, init = {}) {
      const headers = new Headers(init.headers);
      const text = typeof by === "object" ? by.credential : by;
      if (text !== undefined) headers.set("authorization", `Bearer ${text}`);
      return services.fetch(new Request(`http://platform${path}`, { ...init, headers }));
    },
    start: (inside, bindings = {}) =>
      cells.start(
        program(sourceOf(inside), {
          bindings: new Map(Object.entries({ PLATFORM: { kind: "platform-services" }, ...bindings })),
        }),
      ),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
