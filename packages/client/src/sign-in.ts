import type { ApiClient } from "./client.ts";

/** A session: its token is used as an API key is. */
export interface SignedIn {
  readonly token: string;
  readonly user: { readonly id: string; readonly email: string; readonly name: string };
}

/** A sign-in that goes on with `secondFactor`. */
export interface SecondFactorWanted {
  readonly challenge: string;
  readonly expiresInSeconds: number;
}

type Answer = SignedIn | { readonly twoFactor: SecondFactorWanted };

/**
 * Signs in with e-mail and password.
 *
 * @throws ApiError UNAUTHORIZED, OVERLOADED when it was tried too often
 */
export async function signIn(
  client: ApiClient,
  credentials: { readonly email: string; readonly password: string },
): Promise<SignedIn | SecondFactorWanted> {
  const answer = await post<Answer>(client, "sign-in?token=true", credentials);
  return "twoFactor" in answer ? answer.twoFactor : answer;
}

/** Goes on with a sign-in, with a code of the authenticator or one of the recovery codes. @throws ApiError UNAUTHORIZED */
export async function secondFactor(
  client: ApiClient,
  factor: { readonly challenge: string } & ({ readonly code: string } | { readonly recoveryCode: string }),
): Promise<SignedIn> {
  return await post<SignedIn>(client, "sign-in/second-factor?token=true", factor);
}

/** Ends the client's session. */
export async function signOut(client: ApiClient): Promise<void> {
  await client.fetch("/v1/auth/sign-out", { method: "POST" });
}

async function post<Result>(client: ApiClient, path: string, body: object): Promise<Result> {
  const response = await client.fetch(`/v1/auth/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Result;
}
