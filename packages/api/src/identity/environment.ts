import { z } from "@hono/zod-openapi";
import { OpenWorkersError } from "@openworkers/core";

const origin = z.url({ protocol: /^https?$/ }).transform((text) => new URL(text).origin);

const schema = z
  .object({
    SQL: z.object({ connectionString: z.string().min(1) }),
    /** 32 random bytes as text: signs and encrypts what only this worker reads. */
    AUTH_SECRET: z.string().min(32),
    BASE_URL: origin,
    /** Origins, the one that links lead to first. */
    DASHBOARD_URL: z.preprocess((text) => (typeof text === "string" ? text.split(" ") : []), z.array(origin)),
    REGISTRATION: z.enum(["closed", "open"]).default("closed"),
    /** Whether mail is sent. */
    MAIL: z.enum(["off", "on"]).default("off"),
    GITHUB_CLIENT_ID: z.string().min(1).optional(),
    GITHUB_CLIENT_SECRET: z.string().min(1).optional(),
    GITHUB_URL: origin.default("https://github.com"),
  })
  .transform((env) => ({
    connectionString: env.SQL.connectionString,
    secret: env.AUTH_SECRET,
    /** Origin under which the API is reached. */
    baseUrl: env.BASE_URL,
    /** Origins whose pages may act for somebody who is signed in. */
    origins: [env.BASE_URL, ...env.DASHBOARD_URL],
    /** Where people land: the dashboard, or pages of our own while there is none. */
    dashboardUrl: env.DASHBOARD_URL[0],
    registration: env.REGISTRATION,
    sendsMail: env.MAIL === "on",
    ...(env.GITHUB_CLIENT_ID !== undefined && env.GITHUB_CLIENT_SECRET !== undefined
      ? {
          github: {
            clientId: env.GITHUB_CLIENT_ID,
            clientSecret: env.GITHUB_CLIENT_SECRET,
            url: env.GITHUB_URL,
          },
        }
      : {}),
  }));

/** What the worker was deployed with. */
export type Settings = z.output<typeof schema>;

/** @throws OpenWorkersError CONFIG_INVALID naming the bindings that are wrong, never their values. */
export function parseEnvironment(env: unknown): Settings {
  const parsed = schema.safeParse(env);
  if (parsed.success) return parsed.data;
  const names = [...new Set(parsed.error.issues.map(({ path }) => path.join(".")))];
  throw new OpenWorkersError("CONFIG_INVALID", `The identity worker's ${names.join(", ")} cannot be used.`);
}
