export { createApp } from "./app.ts";
export type { Env as ApiEnv } from "./env.ts";
