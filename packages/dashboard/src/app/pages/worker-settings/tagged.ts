import { codeOf, messageOf } from "../../api/failure.ts";

/** What was read, and the tag of what it was then. */
export interface Tagged<Value> {
  readonly value: Value;
  readonly etag: string | null;
}

/** An answer of the API's with its `ETag`. */
export async function tagged<Value>(
  answer: Promise<{ readonly data?: Value; readonly response: Response }>,
): Promise<Tagged<Value>> {
  const { data, response } = await answer;
  // Whatever is no success has been thrown by the client.
  return { value: data as Value, etag: response.headers.get("etag") };
}

/** Of a change: refused when it is not what was read any more. */
export function ifMatch(read: Tagged<unknown>): { readonly "if-match"?: string } {
  return read.etag === null ? {} : { "if-match": read.etag };
}

/** Whether somebody else changed it since it was read. */
export function isChanged(thrown: unknown): boolean {
  return codeOf(thrown) === "PRECONDITION_FAILED";
}

/** What a reader is told of a change that was not made. */
export function changeFailure(thrown: unknown): string {
  if (!isChanged(thrown)) return messageOf(thrown);
  return "Somebody changed it meanwhile. What is there now has been read again: look at it, and decide again.";
}
