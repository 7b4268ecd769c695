import { JetStreamApiError, type JetStreamManager } from "@nats-io/jetstream";
import type { StoredMessage } from "../bus.ts";
import { idHeader } from "./received.ts";

// nats-server's server/errors.json: JSNoMessageFoundErr, and JSSequenceNotFoundErrF.
const noMessage = new Set([10037, 10043]);

/** The first message on `subject` from position `seq` on; undefined when there is none. */
export async function nextStored(
  manager: JetStreamManager,
  stream: string,
  subject: string,
  seq: number,
): Promise<StoredMessage | undefined> {
  // The client's types have it of direct reads alone; the server takes it here as well, since 2.9.
  const query = { seq, next_by_subj: subject };
  try {
    const found = await manager.streams.getMessage(stream, query);
    if (found === null) return undefined;
    return {
      subject: found.subject,
      seq: found.seq,
      time: found.time.getTime(),
      id: found.header.get(idHeader),
      payload: found.data,
    };
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw thrown;
  }
}

/** Whether it was there. */
export async function removeStored(manager: JetStreamManager, stream: string, seq: number): Promise<boolean> {
  try {
    return await manager.streams.deleteMessage(stream, seq, false);
  } catch (thrown) {
    if (isMissing(thrown)) return false;
    throw thrown;
  }
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof JetStreamApiError && noMessage.has(thrown.code);
}
