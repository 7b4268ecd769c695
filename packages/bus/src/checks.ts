import { OpenWorkersError } from "@openworkers/core";
import type { ConsumerDefinition, StreamDefinition } from "./bus.ts";
import { checkFilter } from "./subjects.ts";

const streamName = /^[A-Z0-9_]{1,64}$/;
const consumerName = /^[\w-]{1,128}$/;
const messageId = /^[\w:.-]{1,128}$/;

function invalid(what: string): OpenWorkersError {
  return new OpenWorkersError("INVALID_INPUT", what);
}

/** @throws OpenWorkersError INVALID_INPUT */
export function checkStream(stream: StreamDefinition): void {
  if (!streamName.test(stream.name)) throw invalid(`"${stream.name}" is no name of a stream.`);
  checkFilter(stream.subject);
  for (const key of ["maxAgeMs", "maxBytes", "maxMessageBytes", "dedupeMs"] as const) {
    // NATS takes no shorter age and no shorter dedupe window; the other bus is held to the same.
    const least = key === "maxAgeMs" || key === "dedupeMs" ? 100 : 1;
    if (!(stream[key] >= least)) throw invalid(`${key} of the stream ${stream.name} is ${stream[key]}.`);
  }
  if (stream.dedupeMs > stream.maxAgeMs) {
    throw invalid(`The stream ${stream.name} remembers ids longer than messages.`);
  }
}

/** @throws OpenWorkersError INVALID_INPUT */
export function checkConsumer(consumer: ConsumerDefinition): void {
  const { name, inFlight, maxUnacknowledged, ackWaitMs, backoffMs } = consumer;
  if (!consumerName.test(name)) throw invalid(`"${name}" is no name of a consumer.`);
  checkFilter(consumer.subject);
  for (const [key, value] of Object.entries({ inFlight, maxUnacknowledged, ackWaitMs })) {
    if (!Number.isInteger(value) || value < 1) throw invalid(`${key} of the consumer ${name} is ${value}.`);
  }
  if (!backoffMs.every((ms) => ms >= 0)) throw invalid(`The consumer ${name} waits less than nothing.`);
}

/** @throws OpenWorkersError INVALID_INPUT */
export function checkMessageId(id: string): void {
  if (!messageId.test(id)) throw invalid(`"${id.slice(0, 128)}" is no id of a message.`);
}

/** @throws OpenWorkersError INVALID_INPUT */
export function checkSize(payload: Uint8Array, maxBytes: number, where: string): void {
  if (payload.byteLength <= maxBytes) return;
  throw invalid(
    `A message of ${payload.byteLength} bytes is too large for ${where}, which takes ${maxBytes}.`,
  );
}
