import type { Bus } from "@openworkers/bus";
import { OpenWorkersError } from "@openworkers/core";
import type { Database, SecretKeys } from "@openworkers/db";
import type { CellHost } from "../../cells/process/cell-host.ts";
import type { DatabaseFaces, DatabaseGateway } from "../database/gateway.ts";
import type { BucketStores } from "../storage/bucket-stores.ts";
import { callerOf } from "./access.ts";
import { failureAnswer } from "./answer.ts";
import { StartChecks } from "./check.ts";
import { ConsoleQueries } from "./databases.ts";
import type { TxtResolver } from "./dns.ts";
import { DomainProofs } from "./domains.ts";
import type { PlatformGateway } from "./gateway.ts";
import { logsAnswer } from "./logs.ts";
import { BucketObjects } from "./objects.ts";
import { Previews, type SendPreview } from "./previews.ts";
import { QueueMessages } from "./queues.ts";
import { mustBeOperator, System } from "./system.ts";

export interface PlatformServicesOptions {
  readonly database: Database;
  readonly secretKeys: Pick<SecretKeys, "keys">;
  readonly gateway: Pick<PlatformGateway, "caller">;
  readonly stores: BucketStores;
  /** Where tenant databases are; nowhere without. */
  readonly databases?: DatabaseGateway;
  /** Where people reach these themselves; nobody knows without. */
  readonly databaseFaces?: DatabaseFaces;
  /** Where queues' messages lie; nobody can say without. */
  readonly bus?: Bus;
  /** Where workers are started that are to be checked. */
  readonly host: () => Pick<CellHost, "launchBlank">;
  /** Where logs are read; nowhere without. */
  readonly logsUrl?: string;
  /** Takes what people try on their workers; nowhere without. */
  readonly preview?: SendPreview;
  /** What the runners tell of themselves. */
  readonly runners: () => Promise<readonly unknown[]>;
  /** The system's name servers without. */
  readonly resolver?: TxtResolver;
  readonly report: (message: string, details: Record<string, unknown>) => void;
}

/**
 * What the platform's own workers ask of a runner that SQL cannot do. They have no rights of their own here: whoever they
 * ask for is resolved and judged again, by the database's own rules.
 */
export class PlatformServices {
  readonly #options: PlatformServicesOptions;
  readonly #checks: StartChecks;
  readonly #queries: ConsoleQueries;
  readonly #domains: DomainProofs;
  readonly #objects: BucketObjects;
  readonly #previews: Previews;
  readonly #messages: QueueMessages;
  readonly #system: System;

  constructor(options: PlatformServicesOptions) {
    this.#options = options;
    this.#checks = new StartChecks(options.host);
    this.#queries = new ConsoleQueries(options.database, options.databases);
    this.#domains = new DomainProofs(options.database, options.resolver);
    this.#objects = new BucketObjects(options);
    this.#previews = new Previews(options.database, options.preview);
    this.#messages = new QueueMessages(options.database, options.bus);
    this.#system = new System(options);
  }

  /** Answers one request; failures are answers too: `{code, message, hint?, details?}` with the error table's status. */
  async fetch(request: Request): Promise<Response> {
    try {
      return await this.#answer(request);
    } catch (thrown) {
      if (request.signal.aborted && thrown === request.signal.reason)
        return new Response(null, { status: 499 });
      return failureAnswer(thrown, (error) =>
        this.#options.report("A service of the platform failed.", { error }),
      );
    }
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, search, searchParams } = new URL(request.url);
    const [, kind = "", id = "", part = "", ...rest] = pathname.split("/");
    const { method } = request;
    const caller = () => callerOf(request, this.#options.gateway);
    switch (`${method} ${kind}`) {
      case "POST check":
        return await this.#checks.answer(request);
      case "POST domains": {
        const worker = searchParams.get("worker") ?? "";
        if (part === "verify") return await this.#domains.verify(id, worker, await caller());
        break;
      }
      case "POST databases":
        if (part === "query") return await this.#queries.answer(request, id, await caller());
        break;
      case "POST workers":
        if (part === "preview") return await this.#previews.answer(request, id, await caller());
        break;
      case "GET database-faces":
        // No secret, but nothing for those who are nobody here.
        await caller();
        return Response.json({ faces: this.#options.databaseFaces ?? null });
      case "GET signed":
      case "PUT signed":
        return await this.#objects.signed(request, id);
      case "GET logs":
        return await logsAnswer(
          request,
          [id, part, ...rest].filter((each) => each !== "").join("/"),
          search,
          this.#options.logsUrl,
        );
      case "GET runners":
        await mustBeOperator(this.#options.database, await caller());
        return Response.json({ items: await this.#options.runners() });
    }
    if (kind === "queues") return await this.#messages.answer(request, [id, part, ...rest], await caller());
    if (kind === "system" && part === "") return await this.#system.answer(request, id, await caller());
    if (kind === "buckets") {
      if (part === "signed" && method === "POST")
        return await this.#objects.sign(request, id, await caller());
      // A key may hold anything: "." and ".." stand in no path, and so may be given as `?key=` instead.
      const key = part === "objects" ? (searchParams.get("key") ?? decoded(rest.join("/"))) : undefined;
      if (key === "" && method === "GET") return await this.#objects.list(id, await caller(), searchParams);
      if (key !== undefined) return await this.#objects.object(request, id, key, await caller());
    }
    throw new OpenWorkersError("NOT_FOUND", "The platform has no such service.");
  }
}

/** @throws OpenWorkersError INVALID_INPUT */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new OpenWorkersError("INVALID_INPUT", "The key is not percent-encoded UTF-8.", {
      field: "key",
      cause,
    });
  }
}
