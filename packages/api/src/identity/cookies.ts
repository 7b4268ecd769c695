import { parseSetCookieHeader } from "better-auth/cookies";

/** The value of a cookie that better-auth sets, by its name without our prefix. */
export function cookieSet(headers: Headers, name: string): string | undefined {
  for (const line of headers.getSetCookie()) {
    const cookie = parseSetCookieHeader(line).get(`ow.${name}`);
    if (cookie !== undefined && cookie.value !== "") return cookie.value;
  }
  return undefined;
}

/** The token of a session that better-auth made: its cookie is `<token>.<signature>`. */
export function sessionTokenSet(headers: Headers): string | undefined {
  return cookieSet(headers, "session_token")?.split(".")[0];
}
