import type { QueueCounts } from "@openworkers/bus";
import { isOpenWorkersError, type QueueId } from "@openworkers/core";
import { z } from "zod";

/** Counts the messages of queues on the bus; undefined when nobody can be asked. */
export type QueueCounter = (
  queueIds: readonly QueueId[],
) => Promise<ReadonlyMap<string, QueueCounts> | undefined>;

const answerSchema = z.record(z.string(), z.object({ waiting: z.number(), inFlight: z.number() }));

/** How long a platform on this machine may take to count. */
const askMs = 10_000;

/** Asks the platform that runs on this machine, whose bus is its own. */
export function askPlatform(socketPath: string): QueueCounter {
  return async (queueIds) => {
    const response = await fetch("http://openworkers/queues", {
      ...{ unix: socketPath, method: "POST", body: JSON.stringify(queueIds) },
      signal: AbortSignal.timeout(askMs),
    }).catch(() => undefined);
    // It has stopped since, is another release, or its bus is away: what the database has is told nevertheless.
    if (response?.ok !== true) return undefined;
    return new Map(Object.entries(answerSchema.parse(await response.json())));
  };
}

/** Asks the bus that `NATS_URL` names, if any. */
export function askBus(env: NodeJS.ProcessEnv): QueueCounter {
  return async (queueIds) => {
    // Loaded here: no other command needs a bus.
    const { busFromEnvironment, countQueues } = await import("@openworkers/bus");
    try {
      // What it reports is of the connection, which is of no use to anybody in a moment.
      await using bus = await busFromEnvironment(env, {
        ...{ name: "openworkers-cli", connectMs: 0 },
        report: () => {},
      });
      return bus === undefined ? undefined : await countQueues(bus, queueIds);
    } catch (thrown) {
      if (!isOpenWorkersError(thrown, "BUS_UNAVAILABLE")) throw thrown;
      return undefined;
    }
  };
}
