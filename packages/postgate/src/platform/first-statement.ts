import type { Intake } from "../wire/protocol/intake.ts";

/** What a client sends first, and how the transaction is to begin that it is sent in. */
export interface FirstStatement {
  readonly bytes: Buffer;
  /** It says how the transaction begins, and nothing else: when that has been done, it has been answered to its end. */
  readonly begins: boolean;
  /** Empty, or ` isolation level …`. */
  readonly modes: string;
}

const headBytes = 5;
/** Longer than any that says how a transaction begins. */
const maxBytes = 200;

// As drivers write it. What is not of this form begins nothing: PostgreSQL says of it what it says.
const begin =
  /^\s*(?:begin(?:\s+(?:work|transaction))?|start\s+transaction)((?:\s*,?\s*(?:isolation\s+level\s+(?:read\s+committed|repeatable\s+read|serializable)|read\s+(?:only|write)))*)\s*;?\s*$/i;

/**
 * Reads as much of the client's first message as tells in which mode it wants to begin: the transaction is begun already when
 * it arrives, and its mode could not be changed then.
 *
 * @throws ConnectionLost; ProtocolViolation
 */
export async function firstStatement(intake: Intake): Promise<FirstStatement> {
  const head = await intake.read(headBytes);
  const type = String.fromCharCode(head[0] ?? 0);
  const length = head.readUInt32BE(1);
  if ((type !== "Q" && type !== "P") || length < 4 || length > maxBytes)
    return { bytes: head, begins: false, modes: "" };
  const body = await intake.read(length - 4);
  const bytes = Buffer.concat([head, body]);
  const texts = body.toString("utf8").split("\0");
  const match = begin.exec((type === "Q" ? texts[0] : texts[1]) ?? "");
  const modes = match?.[1]?.toLowerCase().replace(/\s+/g, " ").trimEnd() ?? "";
  // A part of the extended protocol is answered by who carries it out.
  return { bytes, begins: type === "Q" && match !== null, modes };
}
