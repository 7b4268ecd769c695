import { Message } from "capnp-es";
import { Message as RpcMessage } from "capnp-es/capnp/rpc";

/**
 * The message that ends the call `question` with an exception (rpc.capnp, `Return`), of which a worker sees an `Error`
 * with `message`.
 */
export function failedReturn(question: number, message: string): Buffer {
  const encoded = new Message();
  const answer = encoded.initRoot(RpcMessage)._initReturn();
  answer.answerId = question;
  // workerd makes a JavaScript error of what begins like this ("tunneled" exceptions, jsg/util.c++).
  answer._initException().reason = `remote.jsg.Error: ${message}`;
  return Buffer.from(encoded.toArrayBuffer());
}
