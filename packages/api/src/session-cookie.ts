import { parse } from "hono/utils/cookie";

/**
 * The session's cookie. Under https its name has the prefix `__Host-`: a worker of the same platform, at a host name
 * beside the API's, could otherwise set one for the whole domain and have its visitors act as somebody else.
 */
export function sessionCookieName(baseUrl: string): string {
  return baseUrl.startsWith("https:") ? "__Host-ow_session" : "ow_session";
}

// Longer than any session: the database says when it ends, and that moves with its use. Browsers keep 400 days at most.
const maxAgeSeconds = 400 * 24 * 60 * 60;

/** The value of `Set-Cookie` that gives a browser the session; with null, that takes it away. */
export function sessionCookie(baseUrl: string, token: string | null): string {
  const secure = baseUrl.startsWith("https:") ? "; Secure" : "";
  const age = token === null ? 0 : maxAgeSeconds;
  return `${sessionCookieName(baseUrl)}=${token ?? ""}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${age}${secure}`;
}

/** A caller's secret, and whether a browser sent it by itself: then the request's origin decides as well. */
export interface Credential {
  readonly secret: string;
  readonly via: "cookie" | "bearer";
}

const bearer = /^Bearer +([\x21-\x7e]{1,1024})$/i;

/** What a request authenticates with: `Authorization: Bearer` before the cookie. Undefined when with nothing. */
export function requestCredential(headers: Headers, baseUrl: string): Credential | undefined {
  const authorization = headers.get("authorization");
  if (authorization !== null) {
    const secret = bearer.exec(authorization)?.[1];
    return secret === undefined ? undefined : { secret, via: "bearer" };
  }
  const name = sessionCookieName(baseUrl);
  const secret = parse(headers.get("cookie") ?? "", name)[name];
  return secret === undefined || secret === "" ? undefined : { secret, via: "cookie" };
}

/**
 * Whether a request that changes something comes from a page that may: one of `origins`. "Same site" is not enough,
 * because every tenant's worker is of the same site. A request without a browser's marks passes when it has no cookie.
 */
export function originMayChange(
  headers: Headers,
  origins: readonly string[],
  credential?: Credential,
): boolean {
  if (credential?.via === "bearer") return true;
  const origin = headers.get("origin");
  if (origin !== null) return origins.includes(origin);
  const site = headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin";
  return credential === undefined;
}
