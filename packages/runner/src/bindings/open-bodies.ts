import { Places } from "../subrequests/places.ts";

/**
 * Large bodies of one cell that may be on their way at a time; more wait. One that the cell does not read keeps about
 * half a megabyte in the runner (its chunk, as the database gives it, and the socket's), and a worker can ask for
 * thousands. Cloudflare has 6 connections.
 */
export const maxOpenBodies = 64;

/**
 * Smaller ones are with the kernel at once: a Unix socket takes 219,264 bytes, and 400 unread bodies of 208 KiB took
 * nothing of the runner's memory. How many the kernel has is bounded by the cell's open files.
 */
const largeBytes = 192 * 1_024;

/** Bounds the bodies that are being sent to each cell. */
export class OpenBodies {
  readonly #places = new WeakMap<object, Places>();

  /** The response, when there is a place for its body; which is given back when it was read, left or `signal` aborts. */
  async hold(cell: object, response: Response, signal: AbortSignal): Promise<Response> {
    const length = Number(response.headers.get("content-length") ?? Number.POSITIVE_INFINITY);
    if (length <= largeBytes || response.body === null) return response;
    const { body } = response;
    let places = this.#places.get(cell);
    if (places === undefined) {
      places = new Places(maxOpenBodies);
      this.#places.set(cell, places);
    }
    try {
      const place = await places.take(signal);
      const release = () => place[Symbol.dispose]();
      signal.addEventListener("abort", release, { once: true });
      return new Response(watched(body, release), response);
    } catch (thrown) {
      await body.cancel(thrown);
      throw thrown;
    }
  }
}

/** The same bytes; `ended` is called when there will be no more of them. */
function watched(body: ReadableStream<Uint8Array>, ended: () => void): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (!done) {
            controller.enqueue(value);
            return;
          }
          ended();
          controller.close();
        } catch (thrown) {
          ended();
          throw thrown;
        }
      },
      async cancel(reason) {
        ended();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
