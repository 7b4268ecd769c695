import { newId, OpenWorkersError } from "@openworkers/core";
import { errorResponse } from "../http/errors.ts";
import { createIdentityApp } from "./app.ts";

const app = createIdentityApp();

/** Its own host name, or that of one of its versions: `identity.example.com`, `3--identity.example.com`. */
const ownName = /^(?:[^.]+--)?identity\./;

export default {
  fetch(request: Request, env: { readonly BASE_URL?: string }, context: object) {
    const { host, pathname } = new URL(request.url);
    // The API hands on what came to its own name, or the dashboard's. Nobody comes here past it.
    if (ownName.test(host) && host !== URL.parse(env.BASE_URL ?? "")?.host) {
      const error = new OpenWorkersError("NOT_FOUND", `There is no ${request.method} ${pathname} here.`, {
        hint: `Sign-in is at ${env.BASE_URL}/v1/auth.`,
      });
      return errorResponse(error, newId<"request">());
    }
    return app.fetch(request, env, context as Parameters<typeof app.fetch>[2]);
  },
};
