import { OpenWorkersError } from "@openworkers/core";
import { originMayChange, requestCredential } from "../session-cookie.ts";

const safeMethods = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Who calls, by what they show: a key or a session's token as `Authorization: Bearer`, else the session's cookie. A cookie
 * changes something only for a page of `baseUrl`'s own origin: browsers send it along with what any page asks for.
 *
 * @throws OpenWorkersError UNAUTHORIZED without any, FORBIDDEN for another origin's page
 */
export function credentialOf(request: Request, baseUrl: string): string {
  const credential = requestCredential(request.headers, baseUrl);
  if (credential === undefined && request.headers.has("authorization")) {
    throw new OpenWorkersError("UNAUTHORIZED", "The Authorization header is not of the form Bearer TOKEN.");
  }
  if (credential === undefined) {
    throw new OpenWorkersError("UNAUTHORIZED", "This needs a session or an API key.", {
      hint: "Send Authorization: Bearer ow_…",
    });
  }
  const { origin } = new URL(baseUrl);
  if (!safeMethods.has(request.method) && !originMayChange(request.headers, [origin], credential)) {
    throw new OpenWorkersError("FORBIDDEN", "A session's cookie is not taken from another origin's page.", {
      hint: "Send the token as Authorization: Bearer.",
    });
  }
  return credential.secret;
}
