import { OpenWorkersError } from "@openworkers/core";

/** The cookie with a session's token, which the identity worker sets. */
export const sessionCookie = "ow_session";

const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Who calls, by what they show: a key or a session's token as `Authorization: Bearer`, else the session's cookie. A cookie
 * changes something only for a page of `baseUrl`'s own origin: browsers send it along with what any page asks for.
 *
 * @throws OpenWorkersError UNAUTHORIZED without any, FORBIDDEN for another origin's page
 */
export function credentialOf(request: Request, baseUrl: string): string {
  const authorization = request.headers.get("authorization");
  if (authorization !== null) {
    const token = /^Bearer +([\x21-\x7e]{1,1024})$/i.exec(authorization)?.[1];
    if (token !== undefined) return token;
    throw new OpenWorkersError("UNAUTHORIZED", "The Authorization header is not of the form Bearer TOKEN.");
  }
  const cookie = cookieNamed(request.headers.get("cookie") ?? "", sessionCookie);
  if (cookie === undefined) {
    throw new OpenWorkersError("UNAUTHORIZED", "This needs a session or an API key.", {
      hint: "Send Authorization: Bearer ow_…",
    });
  }
  if (!safeMethods.has(request.method) && !isSameOrigin(request, baseUrl)) {
    throw new OpenWorkersError("FORBIDDEN", "A session's cookie is not taken from another origin's page.", {
      hint: "Send the token as Authorization: Bearer.",
    });
  }
  return cookie;
}

function cookieNamed(header: string, name: string): string | undefined {
  for (const pair of header.split(";")) {
    const at = pair.indexOf("=");
    if (at < 0 || pair.slice(0, at).trim() !== name) continue;
    const value = decodeCookie(pair.slice(at + 1).trim());
    return value !== undefined && /^[\x21-\x7e]{1,1024}$/.test(value) ? value : undefined;
  }
  return undefined;
}

function decodeCookie(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

function isSameOrigin(request: Request, baseUrl: string): boolean {
  const site = request.headers.get("sec-fetch-site");
  if (site !== null) return site === "same-origin";
  const origin = request.headers.get("origin");
  return origin !== null && origin === URL.parse(baseUrl)?.origin;
}
