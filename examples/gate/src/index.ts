import { WorkerEntrypoint } from "cloudflare:workers";

/** What may pass is answered with 200, and what may not with what the client is to be told. */
export default {
  async fetch(request): Promise<Response> {
    const text = await request.text();
    if (request.headers.get("x-pass") !== "sesame")
      return new Response("Not without a pass\n", { status: 403 });
    return new Response(`${request.method} with ${text.length} characters`);
  },
} satisfies ExportedHandler;

/** For those who only want to know how many have asked. */
export class Counts extends WorkerEntrypoint {
  /** A function that the caller keeps, and calls as often as it likes. */
  async counter(start: number): Promise<(by: number) => number> {
    let value = start;
    return (by) => {
      value += by;
      return value;
    };
  }
}
