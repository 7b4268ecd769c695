/**
 * A response whose body is in memory. It names its length, without which the broker takes it for one that may be
 * large, and the cell gets it in chunks.
 */
export function wholeResponse(
  body: Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
  status = 200,
): Response {
  return new Response(body, { status, headers: { ...headers, "content-length": String(body.byteLength) } });
}

/** The same with a value as JSON. */
export function jsonResponse(value: unknown): Response {
  return wholeResponse(Buffer.from(JSON.stringify(value)), { "content-type": "application/json" });
}
