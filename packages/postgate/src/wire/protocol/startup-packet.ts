/** What a client may say first: https://www.postgresql.org/docs/18/protocol-message-formats.html */
export type StartupPacket =
  | { readonly kind: "ssl" }
  | { readonly kind: "gss" }
  /** `key` is the process id and the secret, as Postgate gave them out. */
  | { readonly kind: "cancel"; readonly key: Buffer }
  | {
      readonly kind: "startup";
      /** Minor number of protocol 3. */
      readonly minor: number;
      readonly parameters: ReadonlyMap<string, string>;
    };

/** PostgreSQL's own limit (MAX_STARTUP_PACKET_LENGTH in libpq/pqcomm.h), and its 4 bytes of length. */
export const maxStartupBytes = 10_004;
const minStartupBytes = 8;

const codes = { cancel: 80877102, ssl: 80877103, gss: 80877104 } as const;

/** Said to a client that does not keep to the protocol; its message goes to the client. */
export class ProtocolViolation extends Error {
  override readonly name = "ProtocolViolation";
  readonly sqlState: string;

  constructor(message: string, sqlState = "08P01") {
    super(message);
    this.sqlState = sqlState;
  }
}

/**
 * How long the packet is that begins with these 4 bytes.
 *
 * @throws ProtocolViolation when that is not the length of a start-up packet: garbage, or another protocol
 */
export function startupLength(head: Buffer): number {
  const length = head.readUInt32BE(0);
  if (length < minStartupBytes || length > maxStartupBytes) {
    throw new ProtocolViolation("invalid length of startup packet");
  }
  return length;
}

/**
 * Reads one whole packet, its length included.
 *
 * @throws ProtocolViolation
 */
export function parseStartupPacket(packet: Buffer): StartupPacket {
  const code = packet.readUInt32BE(4);
  if (code === codes.ssl || code === codes.gss) {
    if (packet.length !== 8) throw new ProtocolViolation("invalid length of startup packet");
    return { kind: code === codes.ssl ? "ssl" : "gss" };
  }
  if (code === codes.cancel) {
    if (packet.length !== 16) throw new ProtocolViolation("invalid length of query cancel packet");
    return { kind: "cancel", key: packet.subarray(8, 16) };
  }
  const major = code >>> 16;
  if (major !== 3) {
    throw new ProtocolViolation(
      `unsupported frontend protocol ${major}.${code & 0xffff}: server supports 3.0`,
      "0A000",
    );
  }
  return { kind: "startup", minor: code & 0xffff, parameters: parseParameters(packet.subarray(8)) };
}

// Pairs of strings, each ended by a zero, and a zero behind the last.
function parseParameters(bytes: Buffer): Map<string, string> {
  if (bytes.at(-1) !== 0)
    throw new ProtocolViolation("invalid startup packet layout: expected terminator as last byte");
  const parameters = new Map<string, string>();
  const strings = bytes.subarray(0, -1).toString("utf8").split("\0");
  // What follows the last zero is nothing.
  if (strings.pop() !== "" || strings.length % 2 !== 0) {
    throw new ProtocolViolation("invalid startup packet layout");
  }
  for (let at = 0; at < strings.length; at += 2) parameters.set(strings[at] ?? "", strings[at + 1] ?? "");
  return parameters;
}
