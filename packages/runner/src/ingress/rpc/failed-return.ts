/**
 * The message that ends the call `question` with an exception (rpc.capnp, `Return` and `Exception`), of which a
 * worker sees an `Error` with `message`.
 */
export function failedReturn(question: number, message: string): Buffer {
  // workerd makes a JavaScript error of what begins like this (jsg/util.h, "tunneled" exceptions).
  const reason = Buffer.from(`remote.jsg.Error: ${message}\0`, "utf8");
  const words = 10 + Math.ceil(reason.length / 8);
  const bytes = Buffer.alloc(8 + words * 8);
  const at = (word: number): number => 8 + word * 8;
  bytes.writeUInt32LE(words, 4);
  writeStructPointer(bytes, at(0), 1, 1);
  bytes.writeUInt16LE(3, at(1)); // Message.return
  writeStructPointer(bytes, at(2), 2, 1);
  bytes.writeUInt32LE(question, at(3));
  bytes.writeUInt16LE(1, at(3) + 6); // Return.exception
  writeStructPointer(bytes, at(5), 1, 3);
  // Word 6 is all zero: the exception's type is `failed`. A list of bytes, two words behind the end of its pointer.
  bytes.writeUInt32LE((2 << 2) | 1, at(7));
  bytes.writeUInt32LE(((reason.length << 3) | 2) >>> 0, at(7) + 4);
  reason.copy(bytes, at(10));
  return bytes;
}

/** A pointer to the struct that follows right behind it. */
function writeStructPointer(bytes: Buffer, at: number, dataWords: number, pointers: number): void {
  bytes.writeUInt16LE(dataWords, at + 4);
  bytes.writeUInt16LE(pointers, at + 6);
}
