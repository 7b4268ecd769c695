import { createApp } from "./app.ts";
import type { Env } from "./env.ts";

const app = createApp();

export default {
  fetch: (request: Request, env: Env): Response | Promise<Response> => app.fetch(request, env),
};
