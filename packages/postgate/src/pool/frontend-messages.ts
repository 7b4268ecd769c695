import { serialize } from "pg-protocol";

// Messages of a client (manual, 54.7). `pg-protocol` writes those that never change, once; the others are written here, because
// each of its own is a buffer, and all that a call sends should be one.

const execute = serialize.execute({});
const describeAndExecute = Buffer.concat([serialize.describe({ type: "P", name: "" }), execute]);
export const sync = serialize.sync();
export const flush = serialize.flush();
export const discardAll = serialize.query("DISCARD ALL");
export const rollback = serialize.query("ROLLBACK");
export const begin = serialize.query("BEGIN");
export const commit = serialize.query("COMMIT");
export const extendedBegin = Buffer.concat([serialize.parse({ text: "BEGIN" }), serialize.bind(), execute]);
export const extendedCommit = Buffer.concat([
  serialize.parse({ text: "COMMIT" }),
  serialize.bind(),
  execute,
  sync,
]);

/** FunctionCall of a function without arguments. */
export function callFunction(oid: number): Buffer {
  const message = Buffer.alloc(15);
  message.write("F", "latin1");
  message.writeUInt32BE(14, 1);
  message.writeUInt32BE(oid, 5);
  return message;
}

const letterP = 0x50;
const letterB = 0x42;

/**
 * A statement's run with values, as one buffer with what follows: Parse, Bind, Describe, Execute. Without `sql`, it is the unnamed
 * statement that the session has, whose result is known: Bind, Execute.
 */
export function runStatement(
  sql: string | undefined,
  params: readonly (string | null)[],
  ...following: readonly Buffer[]
): Buffer {
  const lengths: number[] = [];
  let bindLength = 4 + 2 + 2 + 2 + 4 * params.length + 2;
  for (const param of params) {
    const length = param === null ? -1 : Buffer.byteLength(param);
    lengths.push(length);
    if (length > 0) bindLength += length;
  }
  const sqlLength = sql === undefined ? 0 : Buffer.byteLength(sql);
  const tail = sql === undefined ? execute : describeAndExecute;
  let size = (sql === undefined ? 0 : 9 + sqlLength) + 1 + bindLength + tail.length;
  for (const { length } of following) size += length;

  const bytes = Buffer.allocUnsafe(size);
  let at = 0;
  if (sql !== undefined) {
    bytes[at] = letterP;
    at = bytes.writeUInt32BE(8 + sqlLength, at + 1);
    bytes[at++] = 0; // the unnamed statement
    at += bytes.write(sql, at);
    bytes[at++] = 0;
    at = bytes.writeUInt16BE(0, at); // no types: PostgreSQL infers them
  }
  bytes[at] = letterB;
  at = bytes.writeUInt32BE(bindLength, at + 1);
  bytes.fill(0, at, at + 4); // the unnamed portal and statement, values as text
  at = bytes.writeUInt16BE(params.length, at + 4);
  for (let index = 0; index < params.length; index++) {
    const length = lengths[index] ?? -1;
    at = bytes.writeInt32BE(length, at);
    if (length > 0) at += bytes.write(params[index] ?? "", at);
  }
  at = bytes.writeUInt16BE(0, at); // results as text
  at += tail.copy(bytes, at);
  for (const message of following) at += message.copy(bytes, at);
  return bytes;
}
