import { z } from "@hono/zod-openapi";
import type { GenericOAuthConfig } from "better-auth/plugins/generic-oauth";
import type { Settings } from "../environment.ts";

const profileSchema = z.object({
  // The number stays; the login can be given up, and taken by somebody else.
  id: z.number().int().positive(),
  login: z.string(),
  name: z.string().nullish(),
  avatar_url: z.string().nullish(),
});

const emailsSchema = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));

/** GitHub, or a server of one's own that speaks as it does. */
export function githubProvider(
  github: NonNullable<Settings["github"]>,
  maySignUp = false,
): GenericOAuthConfig {
  const api = github.url === "https://github.com" ? "https://api.github.com" : `${github.url}/api/v3`;
  return {
    providerId: "github",
    clientId: github.clientId,
    clientSecret: github.clientSecret,
    authorizationUrl: `${github.url}/login/oauth/authorize`,
    tokenUrl: `${github.url}/login/oauth/access_token`,
    authorizationHeaders: { accept: "application/json" },
    scopes: ["read:user", "user:email"],
    pkce: true,
    disableSignUp: !maySignUp,
    accountSubject: ({ profile }) => String(profile.id),
    async getUserInfo({ accessToken }) {
      // No token: GitHub answers 200 to a code that it does not take.
      if (accessToken === undefined) return null;
      try {
        return await readUser(api, accessToken);
      } catch (thrown) {
        console.error("GitHub did not say who it was:", thrown);
        return null;
      }
    },
  };
}

async function readUser(api: string, accessToken: string) {
  const read = async (path: string): Promise<unknown> => {
    const response = await fetch(`${api}${path}`, {
      headers: {
        authorization: `Bearer ${accessToken}`,
        accept: "application/vnd.github+json",
        "user-agent": "OpenWorkers",
      },
      signal: AbortSignal.timeout(10_000),
    });
    if (!response.ok) throw new Error(`GitHub answered ${response.status} to ${path}`);
    return response.json();
  };
  const [profile, emails] = await Promise.all([
    read("/user").then((body) => profileSchema.parse(body)),
    read("/user/emails").then((body) => emailsSchema.parse(body)),
  ]);
  const primary = emails.find((each) => each.primary && each.verified);
  return {
    id: String(profile.id),
    name: (profile.name ?? profile.login).slice(0, 100),
    email: primary?.email ?? null,
    emailVerified: primary !== undefined,
    image: profile.avatar_url ?? undefined,
  };
}
