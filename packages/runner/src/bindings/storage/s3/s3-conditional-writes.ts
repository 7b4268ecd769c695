import type { S3Client } from "./s3-client.ts";

const known = new WeakMap<S3Client, Promise<boolean>>();

/**
 * Whether the server refuses a put whose `If-Match` does not hold, as AWS's has since 2024. One that ignores the
 * header would show it only by overwriting something, and one that knows no such header refuses a put whose body
 * was sent by then: hence a put, once per client, of an object of our own under a condition that cannot hold.
 */
export function hasConditionalWrites(client: S3Client, prefix: string): Promise<boolean> {
  const found = known.get(client) ?? probe(client, `${prefix}.openworkers-conditional-write-probe`);
  known.set(client, found);
  // Asked again the next time.
  found.catch(() => known.delete(client));
  return found;
}

async function probe(client: S3Client, key: string): Promise<boolean> {
  const headers = { "if-match": '"00000000000000000000000000000000"' };
  const response = await client.ask({ method: "PUT", key, headers, body: new Uint8Array() });
  await new Response(response.body).arrayBuffer();
  if (response.status < 300) await client.tell({ method: "DELETE", key });
  return response.status === 412 || response.status === 404;
}
