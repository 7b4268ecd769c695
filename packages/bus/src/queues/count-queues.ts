import { isOpenWorkersError, type QueueId } from "@openworkers/core";
import { countQueue, type QueueCounts } from "./stream-room.ts";

/** As many at a time as do not hold up what else the bus has to do. */
const atATime = 16;

/** Counts the messages of queues on the bus, by id. @throws OpenWorkersError BUS_UNAVAILABLE */
export async function countQueues(
  bus: Parameters<typeof countQueue>[0],
  queueIds: readonly QueueId[],
): Promise<ReadonlyMap<string, QueueCounts>> {
  const counts = new Map<string, QueueCounts>();
  const left = [...queueIds];
  const count = async () => {
    for (let id = left.pop(); id !== undefined; id = left.pop()) {
      counts.set(id, await countQueue(bus, id).catch(orNone));
    }
  };
  await Promise.all(Array.from({ length: atATime }, count));
  return counts;
}

/** Before anybody has made the stream there is nothing in it. */
function orNone(thrown: unknown): QueueCounts {
  if (!isOpenWorkersError(thrown, "NOT_FOUND")) throw thrown;
  return { waiting: 0, inFlight: 0 };
}
