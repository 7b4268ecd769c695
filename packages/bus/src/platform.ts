import { existsSync } from "node:fs";
import { join } from "node:path";
import { OpenWorkersError, type Report } from "@openworkers/core";
import type { Bus } from "./bus.ts";
import { natsFromEnvironment } from "./environment.ts";
import { openLocalBus } from "./local/local-bus.ts";
import { connectNats, type NatsConnectionOptions } from "./nats/connect.ts";
import { type NatsServer, startNatsServer } from "./server/nats-server.ts";

export interface PlatformBusOptions {
  /** `NATS_URL` and what goes with it, `OW_BUS`, and the `PATH` to look for nats-server on. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly dataDir: string;
  readonly report: Report;
  /** Ends the wait for the NATS that the environment names, which else has no end. */
  readonly signal?: AbortSignal;
}

/** The bus of a platform in one process, with the server that it is on when that is a child of ours. */
export interface PlatformBus extends AsyncDisposable {
  readonly bus: Bus;
  /** What events travel over, for whoever starts the platform. */
  readonly description: string;
  /** How another process of the platform reaches it; undefined when it is within this one. May hold a key. */
  readonly connection: NatsConnectionOptions | undefined;
}

const kinds = ["nats", "local"] as const;

/**
 * The bus that the environment names, or one of our own: on a `nats-server` that we find and run as a child, or else within
 * this process. A data directory keeps to what it was begun with, because that is where its events are; `OW_BUS` (`nats` or
 * `local`) says otherwise.
 *
 * @throws OpenWorkersError CONFIG_INVALID, BUS_UNAVAILABLE, DATA_DIR_IN_USE
 */
export async function openPlatformBus(options: PlatformBusOptions): Promise<PlatformBus> {
  const { env, dataDir, report, signal } = options;
  const connection = natsFromEnvironment(env);
  if (connection !== undefined) {
    const waiting = signal === undefined ? {} : { signal, connectMs: Number.POSITIVE_INFINITY };
    const bus = await connectNats({ ...connection, ...waiting, name: "openworkers", report });
    return owned({ bus, connection, description: `NATS at ${env.NATS_URL}` });
  }
  const file = join(dataDir, "bus", "bus.sqlite");
  const begun = existsSync(join(dataDir, "nats")) ? "nats" : existsSync(file) ? "local" : undefined;
  const wanted = chosen(env.OW_BUS) ?? begun;
  const leave = (other: string) =>
    report(
      "Messages and records that nobody had taken from another bus stay there; OW_BUS goes back to it.",
      {
        bus: other,
      },
    );
  if (wanted !== "local") {
    const server = await startNatsServer({ dataDir, report, path: env.PATH ?? "" });
    if (server !== undefined) {
      if (existsSync(file)) leave("local");
      return await connectTo(server, report);
    }
    if (wanted === "nats") {
      throw new OpenWorkersError(
        "CONFIG_INVALID",
        "There is no nats-server on the PATH, and the events are in one.",
        {
          hint: "Install it, or set OW_BUS=local: then what is under way in it is left behind.",
        },
      );
    }
  }
  if (begun === "nats") leave("nats");
  const bus = openLocalBus({ path: file, report });
  return owned({ bus, connection: undefined, description: "the bus within this process" });
}

async function connectTo(server: NatsServer, report: Report): Promise<PlatformBus> {
  try {
    const connection = { ...server.connection, connectMs: 30_000 };
    const bus = await connectNats({ ...connection, name: "openworkers", report });
    return owned({ bus, connection, description: "a nats-server of its own" }, server);
  } catch (thrown) {
    await server[Symbol.asyncDispose]();
    throw thrown;
  }
}

function owned(bus: Omit<PlatformBus, keyof AsyncDisposable>, server?: NatsServer): PlatformBus {
  return {
    ...bus,
    async [Symbol.asyncDispose]() {
      await bus.bus[Symbol.asyncDispose]();
      await server?.[Symbol.asyncDispose]();
    },
  };
}

function chosen(value: string | undefined): (typeof kinds)[number] | undefined {
  if (value === undefined || value === "") return undefined;
  const kind = kinds.find((known) => known === value);
  if (kind !== undefined) return kind;
  throw new OpenWorkersError("CONFIG_INVALID", `OW_BUS is "${value}"; it is nats or local.`);
}
