import {
  AckPolicy,
  type ConsumerConfig,
  type ConsumerInfo,
  DeliverPolicy,
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import { OpenWorkersError } from "@openworkers/core";
import type { ConsumerDefinition, StreamDefinition } from "../bus.ts";
import { isConsumerMissing, isStreamMissing, refusalOf } from "./faults.ts";

/** Headers count as part of a message; ours holds the id. */
export const headerBytes = 256;

function streamConfig(stream: StreamDefinition, replicas: number) {
  return {
    name: stream.name,
    subjects: [stream.subject],
    retention: stream.retention === "work" ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: stream.whenFull === "refuse" ? DiscardPolicy.New : DiscardPolicy.Old,
    max_age: nanos(stream.maxAgeMs),
    max_bytes: stream.maxBytes,
    max_msg_size: stream.maxMessageBytes + headerBytes,
    duplicate_window: nanos(stream.dedupeMs),
    max_msgs_per_subject: stream.maxMessagesPerSubject ?? -1,
    num_replicas: replicas,
  } satisfies Partial<StreamConfig>;
}

/**
 * Makes the stream, or changes what differs. A user that may do neither waits for one that makes it, and takes it as it is.
 *
 * @throws OpenWorkersError BUS_UNAVAILABLE when it is not there yet and this user may not make it
 */
export async function ensureStream(
  manager: JetStreamManager,
  stream: StreamDefinition,
  replicas: number,
): Promise<void> {
  const wanted = streamConfig(stream, replicas);
  const found = await unlessMissing(manager.streams.info(stream.name), isStreamMissing);
  try {
    if (found === undefined) await manager.streams.add(wanted);
    else if (differs(wanted, found.config)) await manager.streams.update(stream.name, wanted);
  } catch (cause) {
    if (refusalOf(cause) === undefined) throw cause;
    if (found !== undefined) return;
    throw new OpenWorkersError("BUS_UNAVAILABLE", `The stream ${stream.name} is not there yet.`, {
      cause,
      hint: "Start the service that makes it: ow logs for logs, ow scheduler for crons and queues.",
    });
  }
}

function consumerConfig(consumer: ConsumerDefinition) {
  return {
    durable_name: consumer.name,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    filter_subject: consumer.subject,
    ack_wait: nanos(consumer.ackWaitMs),
    max_ack_pending: consumer.maxUnacknowledged,
    max_deliver: -1,
  } satisfies Partial<ConsumerConfig>;
}

/** Makes the durable consumer, or changes what differs. */
export async function ensureConsumer(manager: JetStreamManager, consumer: ConsumerDefinition): Promise<void> {
  const wanted = consumerConfig(consumer);
  const found = await findConsumer(manager, consumer.stream, consumer.name);
  if (found === undefined) await manager.consumers.add(consumer.stream, wanted);
  else if (differs(wanted, found.config))
    await manager.consumers.update(consumer.stream, consumer.name, wanted);
}

/** Undefined when there is none. */
export function findConsumer(
  manager: JetStreamManager,
  stream: string,
  name: string,
): Promise<ConsumerInfo | undefined> {
  return unlessMissing(manager.consumers.info(stream, name), isConsumerMissing);
}

async function unlessMissing<T>(
  asked: Promise<T>,
  isMissing: (thrown: unknown) => boolean,
): Promise<T | undefined> {
  try {
    return await asked;
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
}

function differs(wanted: object, found: object): boolean {
  const there = new Map<string, unknown>(Object.entries(found));
  return Object.entries(wanted).some(
    ([key, value]) => JSON.stringify(value) !== JSON.stringify(there.get(key) ?? defaults.get(key)),
  );
}

// What nats-server leaves out of an answer.
const defaults = new Map<string, unknown>([
  ["max_deliver", -1],
  ["max_msgs_per_subject", -1],
]);
