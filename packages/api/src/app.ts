import { cloudflareFace } from "./cloudflare/mod.ts";
import { describeApi } from "./http/describe.ts";
import { newApp } from "./http/face.ts";
import { type Api, type Hosted, Routes } from "./http/route.ts";
import { addRoutes } from "./routes/mod.ts";

/** The API: every route, its document, and what it says of errors. */
export function createApp(): Api {
  const app = newApp<Hosted>();
  // Sign-in is another worker's, which alone can reach its tables.
  app.all("/v1/auth/*", async (context) => {
    const request = new Request(context.req.raw);
    // Otherwise its errors would name another request than the answer's header.
    request.headers.set("x-request-id", context.get("requestId"));
    const answer = await context.env.IDENTITY.fetch(request);
    // With headers of its own: those of an answer that was fetched cannot be added to.
    return new Response(answer.body, answer);
  });
  addRoutes(new Routes(app));
  describeApi(app);
  app.route("/client/v4", cloudflareFace(app));
  return app;
}
