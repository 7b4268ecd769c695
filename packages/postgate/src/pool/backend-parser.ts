import { Parser } from "pg-protocol/dist/parser";

const functionCallResponse = { name: "functionCallResponse", length: 0 };

/** What `pg-protocol` has and its types keep private. */
interface Packets {
  handlePacket(offset: number, code: number, length: number, bytes: Buffer): unknown;
}

/** `pg-protocol`'s parser, which makes an error of the one message that it does not know: FunctionCallResponse. */
export class BackendParser extends Parser {}

const packets = Parser.prototype as unknown as Packets;
const inherited = packets.handlePacket;
Object.defineProperty(BackendParser.prototype, "handlePacket", {
  value(this: Parser, offset: number, code: number, length: number, bytes: Buffer): unknown {
    if (code !== 0x56) return inherited.call(this, offset, code, length, bytes);
    functionCallResponse.length = length;
    return functionCallResponse;
  },
});
