import { OpenWorkersError } from "@openworkers/core";

/** The whole body. @throws OpenWorkersError BODY_TOO_LARGE, before more than `maxBytes` are held */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  for await (const chunk of request.body ?? []) {
    length += chunk.byteLength;
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

function tooLarge(maxBytes: number): OpenWorkersError {
  return new OpenWorkersError("BODY_TOO_LARGE", `The body is longer than ${maxBytes} bytes.`);
}
