import { OpenWorkersError } from "@openworkers/core";
import type { Env } from "../env.ts";
import { originMayChange, requestCredential } from "../session-cookie.ts";

const safeMethods = new Set(["GET", "HEAD"]);

/**
 * Who calls, by what they show: a key or a session's token as `Authorization: Bearer`, else the session's cookie. A cookie
 * changes something only for a page of the API's own origin or the dashboard's: browsers send it along with what any page
 * asks for.
 *
 * @throws OpenWorkersError UNAUTHORIZED without any, FORBIDDEN for another origin's page
 */
export function credentialOf(request: Request, { BASE_URL, DASHBOARD_URL }: Env): string {
  const credential = requestCredential(request.headers, BASE_URL);
  if (credential === undefined) {
    throw new OpenWorkersError("UNAUTHORIZED", "This needs a session or an API key.", {
      hint: "Send Authorization: Bearer ow_…",
    });
  }
  const origins = [BASE_URL, ...(DASHBOARD_URL?.split(" ") ?? [])].flatMap(
    (url) => URL.parse(url)?.origin ?? [],
  );
  if (!safeMethods.has(request.method) && !originMayChange(request.headers, origins, credential)) {
    throw new OpenWorkersError("FORBIDDEN", "A session's cookie is not taken from another origin's page.", {
      hint: "Send the token as Authorization: Bearer.",
    });
  }
  return credential.secret;
}
