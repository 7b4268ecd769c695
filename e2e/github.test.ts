import { expect, test } from "bun:test";
import { clientId, clientSecret, GithubServer } from "@openworkers/api/testing/github";
import { startPlatform } from "./platform.ts";

test("who has an account of GitHub's signs in with it, through the cells of the API and of sign-in", async () => {
  await using github = new GithubServer();
  await using platform = await startPlatform({
    api: true,
    env: {
      OW_REGISTRATION: "open",
      OW_GITHUB_CLIENT_ID: clientId,
      OW_GITHUB_CLIENT_SECRET: clientSecret,
      OW_GITHUB_URL: github.url,
      // Sign-in reaches what is public, as every worker does; this one is on loopback.
      OW_EGRESS_ALLOW: new URL(github.url).host,
    },
  });
  const ask = (path: string, headers: Record<string, string> = {}) =>
    platform.fetch("api", path, { headers });
  github.user = {
    id: 7,
    login: "grace",
    emails: [{ email: "grace@example.com", primary: true, verified: true }],
  };

  const begun = await ask("/v1/auth/github");
  expect(begun.status).toBe(302);
  const consent = await fetch(begun.headers.get("location") ?? "", { redirect: "manual" });
  const back = new URL(consent.headers.get("location") ?? "");
  expect(`${back.host}${back.pathname}`).toBe(`${platform.host("api")}/v1/auth/callback/github`);
  const ended = await ask(back.pathname + back.search, { cookie: cookiesOf(begun) });
  expect([ended.status, ended.headers.get("location")]).toEqual([
    302,
    `http://${platform.host("api")}/v1/auth/done`,
  ]);
  const me = await ask("/v1/auth/me", { cookie: cookiesOf(ended) });
  expect(await me.json()).toMatchObject({ email: "grace@example.com", github: true, operator: false });
  expect(github.refused).toEqual([]);
});

function cookiesOf({ headers }: Response): string {
  return headers
    .getSetCookie()
    .map((line) => line.split(";")[0])
    .join("; ");
}
