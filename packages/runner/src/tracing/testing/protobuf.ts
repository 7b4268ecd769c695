/** What a field of a message is: a type, or the fields of the message in it. */
export type FieldType = "string" | "bytes" | "uint" | "double" | "fixed64" | "fixed32" | "bool" | Message;

/** Fields by number. What repeats is a list. */
export interface Message {
  readonly [number: number]: readonly [name: string, type: FieldType, repeated?: "repeated"];
}

const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Decodes protobuf's wire format, strictly: a field that the message does not have is an error. */
export function decodeMessage(message: Message, bytes: Uint8Array): Record<string, unknown> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoded: Record<string, unknown> = {};
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = view.getUint8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const field = message[tag >> 3];
    if (field === undefined) throw new Error(`There is no field ${tag >> 3}.`);
    const [name, type, repeated] = field;
    if ((tag & 7) !== wireTypeOf(type)) throw new Error(`${name} has the wire type ${tag & 7}.`);
    let value: unknown;
    switch (type) {
      case "uint":
        value = Number(varint());
        break;
      case "bool":
        value = varint() === 1n;
        break;
      case "fixed64":
        value = view.getBigUint64(at, true);
        at += 8;
        break;
      case "double":
        value = view.getFloat64(at, true);
        at += 8;
        break;
      case "fixed32":
        value = view.getUint32(at, true);
        at += 4;
        break;
      default: {
        const length = Number(varint());
        const content = bytes.subarray(at, at + length);
        if (content.length !== length) throw new Error(`${name} is cut off.`);
        at += length;
        if (type === "bytes") value = Buffer.from(content).toString("hex");
        else if (type === "string") value = new TextDecoder("utf-8", { fatal: true }).decode(content);
        else value = decodeMessage(type, content);
      }
    }
    if (repeated === undefined) decoded[name] = value;
    else decoded[name] = [...((decoded[name] as unknown[]) ?? []), value];
  }
  return decoded;
}

function wireTypeOf(type: FieldType): number {
  if (type === "uint" || type === "bool") return wireTypes.varint;
  if (type === "double" || type === "fixed64") return wireTypes.fixed64;
  return type === "fixed32" ? wireTypes.fixed32 : wireTypes.bytes;
}
