import { OpenWorkersError } from "@openworkers/core";

/** What `compact` leaves of an object: no field is there and undefined, as in JSON. */
type Compact<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** An object without those of its fields that are undefined. */
export function compact<T extends object>(value: T): Compact<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as Compact<T>;
}

/** A time of the API's. */
export function dateOf(text: string): Date {
  return new Date(text);
}

/** A body of chunks, each taken when it can be sent. */
export function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> {
  const iterator = chunks[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(new Uint8Array(value));
    },
    async cancel(reason) {
      await iterator.return?.(reason);
    },
  });
}

/** What the API does not do: it is the operator's, who has the platform's database. */
export function needsDirectAccess(what: string): OpenWorkersError {
  return new OpenWorkersError("FORBIDDEN", `${what} needs direct access to the platform's database.`, {
    hint: "Run it on the platform's own machine while it runs, or set DATABASE_URL.",
  });
}
