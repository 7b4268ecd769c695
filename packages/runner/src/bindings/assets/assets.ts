import type { AssetAnswer } from "../../assets/asset-answer.ts";
import type { ByteMeter } from "../../cells/byte-meter.ts";
import type { BindingPlugin } from "../plugin.ts";

/** `env.ASSETS`: a `Fetcher` that answers from the version's own static files. */
export const assetsPlugin: BindingPlugin<"assets"> = {
  kind: "assets",
  configure: () => ({ type: "fetcher" }),
  handler: ({ assets }) => ({
    async serve(request, _binding, { target, meter }) {
      const url = new URL(request.url);
      const { headers } = request;
      const answer = await assets.forWorker(target.versionId, {
        method: request.method,
        hostname: url.hostname,
        host: url.host,
        target: url.pathname + url.search,
        webSocket: false,
        navigates: headers.get("sec-fetch-mode") === "navigate",
        // The worker may want to read what it gets: it is compressed for nobody yet.
        acceptEncoding: undefined,
        ifNoneMatch: headers.get("if-none-match") ?? undefined,
        range: headers.get("range") ?? undefined,
        ifRange: headers.get("if-range") ?? undefined,
      });
      return toResponse(answer, request.method === "HEAD", meter);
    },
  }),
};

function toResponse({ status, head, body }: AssetAnswer, isHead: boolean, meter: ByteMeter): Response {
  const headers = new Headers();
  for (const line of head.split("\r\n").slice(1)) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 2));
  }
  // What frames a stream is the server's to say.
  if (!isHead && !(body instanceof Uint8Array)) headers.delete("content-length");
  if (body instanceof Uint8Array && !isHead) meter.moved(body.byteLength, 0);
  return new Response(body instanceof Uint8Array || body === undefined ? body : streamOf(body, meter), {
    status,
    headers,
  });
}

function streamOf(pieces: AsyncIterable<Uint8Array>, meter: ByteMeter): ReadableStream<Uint8Array> {
  const iterator = pieces[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (done === true) {
          controller.close();
          return;
        }
        meter.moved(value.byteLength, 0);
        controller.enqueue(value);
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}
