import { OpenWorkersError } from "@openworkers/core";

export interface StoredHead {
  readonly status: number;
  readonly headers: Headers;
}

const maxHeadBytes = 128 * 1_024;
const startLine = /^HTTP\/1\.[01] ([2-5]\d\d)(?: |$)/;
const separator = Buffer.from("\r\n\r\n");

/**
 * Reads the head of the response that `cache.put` sends as a request's body (workerd, api/cache.c++). What follows the head
 * is the body as it is, without any transfer coding, whatever the head says.
 *
 * @throws OpenWorkersError INVALID_INPUT when it is not well-formed.
 */
export async function readHead(
  reader: Pick<ReadableStreamDefaultReader<Uint8Array>, "read">,
): Promise<StoredHead & { readonly rest: Uint8Array }> {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw malformed();
    const searched = Math.max(0, bytes.length - separator.length);
    bytes = Buffer.concat([bytes, value]);
    const end = bytes.indexOf(separator, searched);
    if (end >= 0) {
      return { ...parseHead(bytes.toString("latin1", 0, end)), rest: bytes.subarray(end + separator.length) };
    }
    if (bytes.length > maxHeadBytes) throw malformed();
  }
}

function parseHead(text: string): StoredHead {
  const [start = "", ...lines] = text.split("\r\n");
  const status = startLine.exec(start)?.[1];
  if (status === undefined) throw malformed();
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon <= 0) throw malformed();
    try {
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    } catch (cause) {
      throw malformed(cause);
    }
  }
  return { status: Number(status), headers };
}

function malformed(cause?: unknown): OpenWorkersError {
  return new OpenWorkersError("INVALID_INPUT", "The response to store is not well-formed.", { cause });
}
