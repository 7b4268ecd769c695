import type { Msg } from "@nats-io/transport-node";
import type { StoredMessage } from "../bus.ts";

/** The header that carries a message's id, and that JetStream looks at for duplicates. */
export const idHeader = "Nats-Msg-Id";

/** A message of a stream and how often it has been delivered. */
export interface Received extends StoredMessage {
  readonly deliveries: number;
  /** Position among the consumer's deliveries, from 1. */
  readonly deliverySeq: number;
}

/**
 * What JetStream delivered. Its particulars are in the subject to acknowledge on:
 * `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<seq>.<delivery seq>.<nanoseconds>.<pending>`
 * (nats-server's server/consumer.go). Undefined for anything else.
 */
export function parseDelivered(message: Msg): Received | undefined {
  const tokens = message.reply?.split(".") ?? [];
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || tokens.length < 9) return undefined;
  const at = tokens.length === 9 ? 4 : 6;
  const [deliveries, seq, deliverySeq, nanoseconds] = tokens.slice(at, at + 4).map(Number);
  if (
    deliveries === undefined ||
    seq === undefined ||
    deliverySeq === undefined ||
    nanoseconds === undefined
  ) {
    return undefined;
  }
  return {
    subject: message.subject,
    seq,
    time: Math.floor(nanoseconds / 1_000_000),
    id: message.headers?.get(idHeader) ?? "",
    payload: message.data,
    deliveries,
    deliverySeq,
  };
}
