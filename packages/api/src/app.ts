import { OpenAPIHono } from "@hono/zod-openapi";
import { isId, newId, OpenWorkersError, type RequestId } from "@openworkers/core";
import { cloudflareFace } from "./cloudflare/mod.ts";
import { describeApi, referApi } from "./http/describe.ts";
import { errorResponse } from "./http/errors.ts";
import { type Api, type Hosted, Routes } from "./http/route.ts";
import { addRoutes } from "./routes/mod.ts";

/** The API: every route, its document, and what it says of errors. */
export function createApp(): Api {
  const app = new OpenAPIHono<Hosted>();
  app.use(async (context, next) => {
    const given = context.req.header("x-request-id");
    const requestId: RequestId = isId<"request">(given) ? given : newId();
    context.set("requestId", requestId);
    await next();
    // What another worker answered cannot be changed, and is copied.
    context.header("x-request-id", requestId);
    context.header("x-content-type-options", "nosniff");
  });
  app.onError((thrown, context) => errorResponse(thrown, context.get("requestId")));
  app.notFound((context) =>
    errorResponse(
      new OpenWorkersError("NOT_FOUND", `There is no ${context.req.method} ${context.req.path}.`, {
        hint: "What there is: /v1/openapi.json",
      }),
      context.get("requestId"),
    ),
  );
  // Sign-in is another worker's, which alone can reach its tables.
  app.all("/v1/auth/*", async (context) => {
    const answer = await context.env.IDENTITY.fetch(context.req.raw);
    // With headers of its own: those of an answer that was fetched cannot be added to.
    return new Response(answer.body, answer);
  });
  addRoutes(new Routes(app));
  describeApi(app);
  referApi(app);
  app.route("/client/v4", cloudflareFace(app));
  return app;
}
