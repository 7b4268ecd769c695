import { z } from "@hono/zod-openapi";
import { type IdentityApp, route } from "../http/route.ts";

const options = z
  .object({
    registration: z
      .enum(["closed", "open"])
      .openapi({ description: "Closed: only the invited make an account." }),
    github: z.boolean().openapi({ description: "Whether one can sign in with GitHub." }),
  })
  .openapi("SignInOptions");

export function optionRoutes(app: IdentityApp): void {
  route(
    app,
    { method: "get", path: "/options", summary: "By what one gets in here", open: true, result: options },
    async ({ settings }) => ({
      registration: settings.registration,
      github: settings.github !== undefined,
    }),
  );
}
