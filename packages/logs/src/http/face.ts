import {
  isOpenWorkersError,
  messageOf,
  OpenWorkersError,
  type Report,
  type WorkerId,
} from "@openworkers/core";
import type { Database } from "@openworkers/db";
import type { Server } from "bun";
import { type FollowSource, follow } from "../live/follow.ts";
import type { LogsMetrics } from "../metrics.ts";
import { toJson } from "../records.ts";
import { readRecords } from "../store/read.ts";
import { readStats } from "../store/read-stats.ts";
import type { Workers } from "../store/scan.ts";
import type { Access, Authorizer } from "./authorizer.ts";
import { corsHeaders, preflight } from "./cors.ts";
import { EndSignal, eventStream } from "./event-stream.ts";
import { cursor, readPageQuery, readStatsQuery, readStreamQuery, readWorkerId } from "./query.ts";

export interface LogsFaceOptions {
  readonly hostname: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly source: FollowSource;
  readonly database: Database;
  readonly authorizer: Authorizer;
  /** Origins whose pages may read answers. */
  readonly origins: readonly string[];
  readonly mostClients: number;
  readonly metrics: LogsMetrics;
  readonly report: Report;
  readonly heartbeatMs?: number;
  /** How often a stream asks whether its reader may still read. */
  readonly checkMs: number;
}

/**
 * Logs over HTTP, for whoever holds a token: `docs/logs.md` has the paths. It speaks in the clear: beyond this machine, a
 * proxy with TLS belongs in front.
 */
export class LogsFace implements AsyncDisposable {
  readonly #options: LogsFaceOptions;
  readonly #server: Server<undefined>;
  readonly #clients = new Set<EndSignal>();

  private constructor(options: LogsFaceOptions) {
    this.#options = options;
    this.#server = Bun.serve({
      hostname: options.hostname,
      port: options.port,
      reusePort: false,
      development: false,
      maxRequestBodySize: 0,
      fetch: (request, server) => this.#fetch(request, server),
    });
  }

  /** @throws OpenWorkersError PORT_IN_USE */
  static listen(options: LogsFaceOptions): LogsFace {
    try {
      return new LogsFace(options);
    } catch (cause) {
      throw new OpenWorkersError(
        "PORT_IN_USE",
        `Port ${options.port} on ${options.hostname} cannot be had.`,
        {
          hint: "Choose another for the logs: OW_LOGS_PORT",
          cause,
        },
      );
    }
  }

  /** With a slash at its end. */
  get url(): string {
    return this.#server.url.href;
  }

  /** How many read a stream now. */
  get clients(): number {
    return this.#clients.size;
  }

  /** Ends every stream: the positions that they go on from are of a stream that is no more. */
  moved(): void {
    for (const client of this.#clients) client.end("moved");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.end("stopped");
    // So that the last event goes out; who does not read it is cut off.
    await Promise.race([this.#server.stop(false), Bun.sleep(500)]);
    await this.#server.stop(true);
  }

  async #fetch(request: Request, server: Server<undefined>): Promise<Response> {
    const cors = corsHeaders(request, this.#options.origins);
    if (request.method === "OPTIONS") return preflight(cors);
    const answer = await this.#answer(request, server).catch((thrown: unknown) => this.#failed(thrown));
    for (const [name, value] of cors) answer.headers.set(name, value);
    return answer;
  }

  async #answer(request: Request, server: Server<undefined>): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/health") return Response.json({ ok: true });
    if (request.method !== "GET") {
      const refused = this.#failed(new OpenWorkersError("INVALID_INPUT", "Logs are read with GET."));
      return new Response(refused.body, { status: 405, headers: { ...noStore, allow: "GET" } });
    }
    const access = await this.#options.authorizer.authorize(request);
    if (pathname === "/logs") return this.#stream(request, server, access, undefined);
    if (pathname === "/logs/query") return this.#page(request, access.workers);
    const [, worker = "", what] = /^\/workers\/([^/]+)\/(logs|logs\/query|stats)$/.exec(pathname) ?? [];
    if (what === undefined) {
      throw new OpenWorkersError(
        "NOT_FOUND",
        "There are /logs, /logs/query, /workers/<id>/logs, …/logs/query and …/stats.",
      );
    }
    const workerId = readWorkerId(worker);
    await this.#options.authorizer.mustRead(access, workerId);
    if (what === "logs") return this.#stream(request, server, access, workerId);
    return what === "stats" ? this.#stats(request, workerId) : this.#page(request, [workerId]);
  }

  async #page(request: Request, workers: Workers): Promise<Response> {
    const query = readPageQuery(request);
    const { records, next } = await readRecords(this.#options.database, { ...query, workers });
    // Their JSON as it is, and not parsed to be written again.
    const body = `{"records":[${records.map(toJson).join(",")}],"next":${JSON.stringify(cursor(next))}}`;
    return new Response(body, { headers: { ...noStore, "content-type": "application/json" } });
  }

  async #stats(request: Request, workerId: WorkerId): Promise<Response> {
    const range = readStatsQuery(request);
    const steps = await readStats(this.#options.database, workerId, range);
    return Response.json({ ...range, steps }, { headers: noStore });
  }

  #stream(
    request: Request,
    server: Server<undefined>,
    access: Access,
    workerId: WorkerId | undefined,
  ): Response {
    const { mostClients, source, metrics, report, heartbeatMs } = this.#options;
    const { filter, start } = readStreamQuery(request);
    if (this.#clients.size >= mostClients) {
      throw new OpenWorkersError("OVERLOADED", `${mostClients} streams are open already.`, {
        hint: "Close one, or ask another logs service.",
      });
    }
    const end = new EndSignal();
    this.#clients.add(end);
    const reader = this.#readerOf(access, workerId, end);
    server.timeout(request, 0);
    const body = eventStream({
      end,
      followed: follow(source, { workerId, workers: reader.workers, filter, start, signal: end.signal }),
      onEnd: (reason, error) => {
        this.#clients.delete(end);
        reader.stop();
        if (reason === "slow") metrics.slowClients.add();
        if (error !== undefined) report("A stream of logs broke off.", { error: messageOf(error) });
      },
      ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    });
    return new Response(body, { headers: { ...noStore, "content-type": "text/event-stream" } });
  }

  /** Whose records the stream shows, as the token says now and later; ends it when that is none of them. */
  #readerOf(access: Access, workerId: WorkerId | undefined, end: EndSignal) {
    const narrow = (workers: Workers): Workers =>
      workerId === undefined ? workers : workers === "all" || workers.includes(workerId) ? [workerId] : [];
    let workers = narrow(access.workers);
    const check = async () => {
      const now = await this.#options.authorizer.again(access.token);
      if (now === undefined) return end.end("expired");
      workers = narrow(now.workers);
      if (workerId !== undefined && workers.length === 0) end.end("expired");
    };
    const timer = setInterval(() => {
      check().catch((thrown: unknown) => {
        // Who may read is not known; what was known is still so, for a while.
        if (!isOpenWorkersError(thrown, "DATABASE_UNAVAILABLE")) end.end("failed");
        else if (access.expiresAt.getTime() <= Date.now()) end.end("expired");
      });
    }, this.#options.checkMs);
    timer.unref();
    return { workers: () => workers, stop: () => clearInterval(timer) };
  }

  #failed(thrown: unknown): Response {
    if (isOpenWorkersError(thrown) && thrown.fault === "user") {
      return Response.json({ error: thrown }, { status: thrown.status, headers: noStore });
    }
    const known = isOpenWorkersError(thrown, "DATABASE_UNAVAILABLE", "BUS_UNAVAILABLE", "OVERLOADED");
    if (!known) this.#options.report("A request for logs failed.", { error: messageOf(thrown) });
    // In words of ours: theirs name places that are none of the reader's business.
    const error = known
      ? new OpenWorkersError(
          thrown.code,
          thrown.code === "OVERLOADED" ? thrown.message : "The logs cannot be read now.",
          {
            hint: "Try again later.",
          },
        )
      : new OpenWorkersError("INTERNAL", "The logs cannot be read.");
    return Response.json({ error }, { status: error.status, headers: noStore });
  }
}

const noStore = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const;
