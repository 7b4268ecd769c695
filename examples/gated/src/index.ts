import { env, WorkerEntrypoint } from "cloudflare:workers";
import type { Counts } from "../../gate/src/index.ts";

interface Env {
  GATE: Fetcher;
  COUNTS: Service<typeof Counts>;
  MYSELF: Service<typeof Greeter>;
}

/** Reached through a binding to this very worker, with its props, and without one through `ctx.exports`. */
export class Greeter extends WorkerEntrypoint<unknown, { greeting?: string }> {
  greet(name: string): string {
    return `${this.ctx.props.greeting ?? "Hello"}, ${name}!`;
  }
}

declare global {
  namespace Cloudflare {
    // What `ow types` writes, so that `ctx.exports` has types.
    interface GlobalProps {
      mainModule: typeof import("./index.ts");
    }
  }
}

export default {
  async fetch(request, { GATE, COUNTS, MYSELF }, ctx): Promise<Response> {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/count": {
        using count = await COUNTS.counter(10);
        await count(1);
        return Response.json(await count(5));
      }
      case "/greet": {
        return Response.json([
          await MYSELF.greet("Ada"),
          await ctx.exports.Greeter.greet("Ada"),
          "MYSELF" in env,
        ]);
      }
      default: {
        // The gate reads the body of a copy; the request's own is still there afterwards.
        const verdict = await GATE.fetch(request.clone());
        if (!verdict.ok) return verdict;
        return Response.json({ verdict: await verdict.text(), body: await request.text() });
      }
    }
  },
} satisfies ExportedHandler<Env>;
