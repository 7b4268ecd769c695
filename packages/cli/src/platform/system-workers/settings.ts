import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";

const url = z.url({ protocol: /^https?$/ }).optional();

const schema = z.object({
  OW_API_URL: url,
  OW_DASHBOARD_URL: url,
  OW_REGISTRATION: z.enum(["closed", "open"]).default("closed"),
  OW_GITHUB_CLIENT_ID: z.string().min(1).optional(),
  OW_GITHUB_CLIENT_SECRET: z.string().min(1).optional(),
  OW_GITHUB_URL: url,
  // What is wrong with it says the scheduler, whose it is.
  OW_SMTP_URL: z.string().optional(),
});

/** What an operator decides of the API and the dashboard. */
export interface SystemSettings {
  /** Where people see it: `https://api.example.com`. */
  readonly baseUrl: string | undefined;
  /** Where people see the dashboard: `https://workers.example.com`. */
  readonly dashboardUrl: string | undefined;
  readonly registration: "closed" | "open";
  /** Whether the scheduler sends mail. */
  readonly mail: "off" | "on";
  readonly github:
    | { readonly clientId: string; readonly clientSecret: string; readonly url: string }
    | undefined;
}

/** @throws OpenWorkersError CONFIG_INVALID naming a variable */
export function readSystemSettings(env: Readonly<Record<string, string | undefined>>): SystemSettings {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = schema.safeParse(set);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new OpenWorkersError("CONFIG_INVALID", `${issue?.path.join(".")}: ${issue?.message}.`);
  }
  const { OW_GITHUB_CLIENT_ID: clientId, OW_GITHUB_CLIENT_SECRET: clientSecret } = parsed.data;
  if ((clientId === undefined) !== (clientSecret === undefined)) {
    throw new OpenWorkersError(
      "CONFIG_INVALID",
      "OW_GITHUB_CLIENT_ID and OW_GITHUB_CLIENT_SECRET go together.",
    );
  }
  return {
    baseUrl: parsed.data.OW_API_URL?.replace(/\/+$/, ""),
    dashboardUrl: parsed.data.OW_DASHBOARD_URL?.replace(/\/+$/, ""),
    registration: parsed.data.OW_REGISTRATION,
    mail: parsed.data.OW_SMTP_URL === undefined ? "off" : "on",
    github:
      clientId === undefined || clientSecret === undefined
        ? undefined
        : { clientId, clientSecret, url: parsed.data.OW_GITHUB_URL ?? "https://github.com" },
  };
}

/**
 * Where people see the dashboard, the place that links lead to first: the base domain itself and `dashboard.` under it,
 * as the API is seen under `api.`, unless the operator has said otherwise.
 */
export function dashboardOrigins(
  { dashboardUrl }: Pick<SystemSettings, "dashboardUrl">,
  { apiUrl, baseDomain }: { readonly apiUrl: string; readonly baseDomain: string },
): readonly string[] {
  if (dashboardUrl !== undefined) return [new URL(dashboardUrl).origin];
  const { protocol, port } = new URL(apiUrl);
  return [baseDomain, `dashboard.${baseDomain}`].map(
    (host) => new URL(`${protocol}//${host}:${port}`).origin,
  );
}
