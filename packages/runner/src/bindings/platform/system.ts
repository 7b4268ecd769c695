import type { Bus } from "@openworkers/bus";
import {
  logsConsumer,
  messageOf,
  OpenWorkersError,
  scheduledConsumer,
  scheduledResultsConsumer,
  streams,
} from "@openworkers/core";
import {
  createResetLink,
  createSetupLink,
  type Database,
  listPeople,
  pendingMigrations,
} from "@openworkers/db";
import { sql } from "kysely";
import runnerPackage from "../../../package.json" with { type: "json" };
import type { DatabaseGateway } from "../database/gateway.ts";
import { notFound } from "./access.ts";
import type { PlatformCaller } from "./gateway.ts";

export interface SystemOptions {
  readonly database: Database;
  readonly bus?: Bus;
  readonly databases?: DatabaseGateway;
  readonly logsUrl?: string;
}

/** A number of a service, with what it counts. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: "count" | "bytes" | "ms";
}

export interface ServiceState {
  readonly name: "api" | "bus" | "logs" | "postgate" | "postgres" | "scheduler";
  /** `unknown`: this process cannot see it from here. */
  readonly state: "up" | "late" | "down" | "unknown";
  readonly detail: string;
  readonly figures: readonly Figure[];
}

const healthMs = 2_000;
/** A due time that nobody took for so long means that no scheduler runs. */
const lateMs = 15_000;

/** What the platform's operators ask of it as a whole. */
export class System {
  readonly #options: SystemOptions;

  constructor(options: SystemOptions) {
    this.#options = options;
  }

  /**
   * `GET /system/services`, `GET /system/versions`, `GET /system/users`, `POST /system/reset-links?email=`,
   * `POST /system/setup-links`; the links' tokens, not their addresses.
   *
   * @throws OpenWorkersError FORBIDDEN unless the caller is an operator; NOT_FOUND
   */
  async answer(request: Request, what: string, caller: PlatformCaller): Promise<Response> {
    const { database } = this.#options;
    await mustBeOperator(database, caller);
    switch (`${request.method} ${what}`) {
      case "GET services":
        return Response.json({ items: await this.#services() });
      case "GET versions":
        return Response.json(await versions(database));
      case "GET users":
        return Response.json({ items: await listPeople(database) });
      case "POST reset-links":
        await mustBeWhole(caller);
        return Response.json(
          await createResetLink(database, new URL(request.url).searchParams.get("email") ?? ""),
        );
      case "POST setup-links":
        await mustBeWhole(caller);
        return Response.json(await createSetupLink(database));
    }
    throw notFound("service");
  }

  async #services(): Promise<ServiceState[]> {
    return await Promise.all([
      this.#api(),
      this.#logs(),
      this.#scheduler(),
      this.#postgate(),
      this.#bus(),
      this.#postgres(),
    ]);
  }

  async #api(): Promise<ServiceState> {
    const { rows } = await this.#options.database.read((queries) =>
      sql<{ name: string; version: number }>`
        select workers.name, versions.number as version
        from workers
        join lateral (
          select id from deployments where worker_id = workers.id order by sequence desc limit 1
        ) as newest on true
        join deployment_versions as parts on parts.deployment_id = newest.id
        join worker_versions as versions on versions.id = parts.version_id
        where is_system_owner(workers.owner_id) order by workers.name`.execute(queries),
    );
    return {
      ...{ name: "api", state: "up" },
      detail: rows.map(({ name, version }) => `${name} v${version}`).join(", "),
      figures: [],
    };
  }

  async #logs(): Promise<ServiceState> {
    const { logsUrl } = this.#options;
    const lag = await this.#waiting(streams.logs.name, logsConsumer);
    const figures: Figure[] =
      lag === undefined ? [] : [{ name: "batches not stored yet", value: lag, unit: "count" }];
    if (logsUrl === undefined)
      return {
        name: "logs",
        state: "unknown",
        detail: "This runner was not told where logs are read.",
        figures,
      };
    try {
      const answer = await fetch(new URL("/health", logsUrl), { signal: AbortSignal.timeout(healthMs) });
      const state = answer.ok ? "up" : "down";
      return { name: "logs", state, detail: answer.ok ? "Answers." : `Answered ${answer.status}.`, figures };
    } catch {
      return { name: "logs", state: "down", detail: "It does not answer.", figures };
    }
  }

  async #scheduler(): Promise<ServiceState> {
    const { rows } = await this.#options.database.read((queries) =>
      sql<{ crons: number; overdue: number; lateMs: number; delayed: number; waiting: number }>`select
        (select count(*) from crons where not paused)::float8 as crons,
        (select count(*) from crons where not paused and next_due < now())::float8 as overdue,
        greatest(0,
          (select extract(epoch from now() - min(next_due)) * 1000 from crons where not paused and next_due < now()),
          (select extract(epoch from now() - min(due_at)) * 1000 from queue_delays where due_at < now())
        )::float8 as "lateMs",
        (select count(*) from queue_delays)::float8 as delayed,
        (select count(*) from scheduled_events where state = 'waiting')::float8 as waiting`.execute(queries),
    );
    const { crons = 0, overdue = 0, delayed = 0, waiting = 0, lateMs: late = 0 } = rows[0] ?? {};
    const isLate = late > lateMs;
    const unwritten = await this.#waiting(streams.scheduledResults.name, scheduledResultsConsumer);
    return {
      name: "scheduler",
      state: isLate ? "late" : "up",
      detail: isLate ? "What is due is not taken: is a scheduler running?" : "What is due is taken.",
      figures: [
        { name: "crons", value: crons, unit: "count" },
        { name: "overdue", value: overdue, unit: "count" },
        { name: "lateness", value: Math.round(late), unit: "ms" },
        { name: "events to publish", value: waiting, unit: "count" },
        { name: "delayed messages", value: delayed, unit: "count" },
        ...(unwritten === undefined
          ? []
          : [{ name: "results to write", value: unwritten, unit: "count" } as const]),
      ],
    };
  }

  async #postgate(): Promise<ServiceState> {
    const { database, databases } = this.#options;
    const { rows } = await database.read((queries) =>
      sql<{
        count: number;
      }>`select count(*)::float8 as count from databases where state <> 'deleting'`.execute(queries),
    );
    return {
      name: "postgate",
      state: databases === undefined ? "down" : "up",
      detail:
        databases === undefined ? "This runner reaches no tenant databases." : "Serves tenant databases.",
      figures: [{ name: "databases", value: rows[0]?.count ?? 0, unit: "count" }],
    };
  }

  async #bus(): Promise<ServiceState> {
    const { bus } = this.#options;
    if (bus === undefined)
      return { name: "bus", state: "down", detail: "This process has no bus.", figures: [] };
    const { connected, reconnects, failed } = bus.stats();
    const kept: [string, { readonly name: string }][] = [
      ["logs", streams.logs],
      ["due crons", streams.scheduled],
      ["cron results", streams.scheduledResults],
      ["queues", streams.queues],
    ];
    const figures = await Promise.all(
      kept.map(async ([name, stream]): Promise<Figure[]> => {
        const state = await bus.streamState(stream.name).catch(() => undefined);
        if (state === undefined) return [];
        return [
          { name: `${name} stored`, value: state.messages, unit: "count" },
          { name: `${name} stored`, value: state.bytes, unit: "bytes" },
        ];
      }),
    );
    const due = await this.#waiting(streams.scheduled.name, scheduledConsumer);
    return {
      name: "bus",
      state: connected ? "up" : "down",
      detail: bus.kind === "nats" ? "NATS JetStream" : "Within this process, kept in a file",
      figures: [
        ...figures.flat(),
        ...(due === undefined
          ? []
          : [{ name: "due crons not taken yet", value: due, unit: "count" } as const]),
        { name: "reconnects", value: reconnects, unit: "count" },
        { name: "failed publications", value: failed, unit: "count" },
      ],
    };
  }

  async #postgres(): Promise<ServiceState> {
    const began = performance.now();
    const { rows } = await this.#options.database.read((queries) =>
      sql<{ bytes: number; sessions: number; most: number; replica: boolean }>`select
        pg_database_size(current_database())::float8 as bytes,
        (select count(*) from pg_stat_activity where backend_type = 'client backend')::float8 as sessions,
        current_setting('max_connections')::float8 as most,
        pg_is_in_recovery() as replica`.execute(queries),
    );
    const { bytes = 0, sessions = 0, most = 0, replica = false } = rows[0] ?? {};
    return {
      name: "postgres",
      state: "up",
      detail: replica ? "A replica." : "The platform's own database.",
      figures: [
        { name: "answer", value: Math.round(performance.now() - began), unit: "ms" },
        { name: "size", value: bytes, unit: "bytes" },
        { name: "sessions", value: sessions, unit: "count" },
        { name: "sessions at most", value: most, unit: "count" },
      ],
    };
  }

  /** Messages that a consumer has not been given or not acknowledged; undefined when nobody can say. */
  async #waiting(stream: string, consumer: string): Promise<number | undefined> {
    try {
      const state = await this.#options.bus?.consumerState(stream, consumer);
      return state === undefined ? undefined : state.pending + state.unacknowledged;
    } catch {
      // The bus is away, or its permissions are an older release's: what is not known is left out.
      return undefined;
    }
  }
}

async function versions(database: Database) {
  const [server, migrations, pending] = await Promise.all([
    database.read((queries) =>
      sql<{ version: string }>`select current_setting('server_version') as version`.execute(queries),
    ),
    database.read((queries) =>
      sql<{ name: string; appliedAt: Date }>`
        select name, applied_at as "appliedAt" from schema_migrations order by name`.execute(queries),
    ),
    // A database that a newer release has migrated, or an older one's file that was changed: the message says which.
    pendingMigrations(database).then(
      (names) => ({ pending: names, problem: null }),
      (thrown: unknown) => ({ pending: [], problem: messageOf(thrown) }),
    ),
  ]);
  return {
    platform: runnerPackage.version,
    workerd: runnerPackage.dependencies.workerd,
    bun: Bun.version,
    postgres: server.rows[0]?.version ?? "unknown",
    migrations: migrations.rows,
    ...pending,
  };
}

/** @throws OpenWorkersError FORBIDDEN */
export async function mustBeOperator(database: Database, caller: PlatformCaller): Promise<void> {
  const { rows } = await database.read((queries) =>
    sql<{
      is_operator: boolean;
    }>`select is_operator from users where id = ${caller.userId}::uuid`.execute(queries),
  );
  // A key of theirs may be for less.
  if (rows[0]?.is_operator === true && (await caller.may(caller.userId, "workers", "read"))) return;
  throw new OpenWorkersError("FORBIDDEN", "Only an operator may look at the system.");
}

/** What lets somebody in is for a session, or a key without bounds. @throws OpenWorkersError FORBIDDEN */
async function mustBeWhole(caller: PlatformCaller): Promise<void> {
  const wanted = [
    ["members", "write"],
    ["keys", "write"],
    ["workers", "delete"],
  ] as const;
  for (const [resource, action] of wanted) {
    if (await caller.may(caller.userId, resource, action)) continue;
    throw new OpenWorkersError("FORBIDDEN", "This key may not let anybody in.", {
      details: { scope: `${resource}:${action}` },
    });
  }
}
