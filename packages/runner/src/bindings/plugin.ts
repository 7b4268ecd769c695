import type { Bus } from "@openworkers/bus";
import type { BindingKind, BindingOf, Module } from "@openworkers/core";
import type { Database, SecretKeys } from "@openworkers/db";
import type { AssetServer } from "../assets/asset-server.ts";
import type { VersionFacts } from "../cells/target.ts";
import type { CacheLimits } from "./cache/store.ts";
import type { Caller } from "./caller.ts";
import type { DatabaseGateway } from "./database/gateway.ts";
import type { DatabaseShares } from "./shares/database-shares.ts";
import type { StorageServices } from "./storage/bucket-stores.ts";

/** What a binding is in a cell's configuration. */
export type CellBinding =
  /** A client that workerd has itself, which speaks its own HTTP protocol with the broker. */
  | { readonly type: "kvNamespace" | "r2Bucket" | "queue" }
  /** A `Fetcher` whose requests the broker answers; `exact` keeps the Content-Length of what is streamed. */
  | { readonly type: "fetcher"; readonly exact?: true }
  /** Another worker, reached through a socket of its own and not through the broker. */
  | { readonly type: "worker" }
  /** PostgreSQL's protocol on a socket of its own, for drivers, which are told to log in as `user`. */
  | { readonly type: "hyperdrive"; readonly user?: string }
  /**
   * What the default export of `module` makes of `{ broker: Fetcher }`; a function, called once as the cell starts,
   * before the worker's modules run. `parts` are what it imports.
   */
  | { readonly type: "wrapped"; readonly module: Module; readonly parts?: readonly Module[] }
  | { readonly type: "json"; readonly value: string };

/** What plugins are made with: the runner's own, none of it in any cell's reach. */
export interface BindingServices {
  /** For the platform's own work. What workers ask for goes through `shares`. */
  readonly database: Database;
  readonly shares: DatabaseShares;
  readonly secretKeys: SecretKeys;
  /** Of the Cache API; the defaults without. */
  readonly cacheLimits?: CacheLimits;
  readonly assets: AssetServer;
  /** Where buckets may be; in the database alone without. */
  readonly storage?: StorageServices;
  /** Where tenant databases are; nowhere without. */
  readonly databases?: DatabaseGateway;
  /** Answers the platform's own workers, as `fetch` does; nobody without. */
  readonly platform?: { fetch(request: Request): Promise<Response> };
  /** What queues' messages travel on; without, sending one fails. */
  readonly bus?: Bus;
  /** What an operator should read. Never throws. */
  readonly report: (message: string, details: Record<string, unknown>) => void;
}

/**
 * Answers a cell's requests through bindings of one kind. `request.url` has whatever host workerd's client made up:
 * path and query count. `request.signal` aborts when the cell leaves. An OpenWorkersError that it throws
 * becomes a response with the error's status; anything else is reported to the operator and becomes a 500 that
 * says nothing.
 */
export interface BindingHandler<Kind extends BindingKind = BindingKind> extends Partial<AsyncDisposable> {
  serve(request: Request, binding: BindingOf<Kind>, caller: Caller): Promise<Response>;
}

/** One kind of binding: everything that the runner knows of it. */
export interface BindingPlugin<Kind extends BindingKind = BindingKind> {
  readonly kind: Kind;
  configure(binding: BindingOf<Kind>, version: VersionFacts): CellBinding;
  /** Absent when the cell needs to ask for nothing. */
  handler?(services: BindingServices): BindingHandler<Kind>;
}

/** For the table of plugins: TypeScript cannot say that each is called with its own kind only. */
export type AnyBindingPlugin = {
  [Kind in BindingKind]: BindingPlugin<Kind>;
}[BindingKind];
