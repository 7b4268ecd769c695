import { hexDump, textOf } from "../../ui/bytes.ts";
import type { QueueMessage } from "./queue-types.ts";

/** A message's body to be read: JSON with its lines, text as it is, bytes as text where they are that. */
export function readableBody({ contentType, body }: QueueMessage): string {
  if (contentType === "text") return body;
  if (contentType !== "json") {
    const bytes = Uint8Array.from(atob(body), (character) => character.charCodeAt(0));
    return textOf(bytes) ?? hexDump(bytes);
  }
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    // Whoever sent it said that it is JSON, and it is not.
    return body;
  }
}

/** The beginning of it, on one line. */
export function briefBody(message: QueueMessage): string {
  const text = message.contentType === "json" ? message.body : readableBody(message);
  return text.slice(0, 160).replace(/\s+/g, " ");
}
