import { isId, OpenWorkersError, type UserId } from "@openworkers/core";
import type { PlatformAction, PlatformCaller, PlatformGateway, PlatformResource } from "./gateway.ts";

/** @throws OpenWorkersError UNAUTHORIZED, DATABASE_UNAVAILABLE */
export async function callerOf(
  request: Request,
  gateway: Pick<PlatformGateway, "caller">,
): Promise<PlatformCaller> {
  const [, credential] = /^bearer +(\S{1,512})$/i.exec(request.headers.get("authorization") ?? "") ?? [];
  if (credential === undefined) {
    throw new OpenWorkersError("UNAUTHORIZED", "A credential is missing.", {
      hint: "Send an API key or a session's token as `Authorization: Bearer <…>`.",
    });
  }
  return gateway.caller(credential);
}

/** @throws OpenWorkersError NOT_FOUND, as for what is not there */
export function parseId<Kind extends string>(text: string, what: string) {
  if (isId<Kind>(text)) return text;
  throw notFound(what);
}

/**
 * Checks that a caller may do this with what `owner` owns.
 *
 * @throws OpenWorkersError NOT_FOUND when they may not even know of it, else FORBIDDEN
 */
export async function mustBeAllowed(
  caller: PlatformCaller,
  owner: UserId,
  resource: PlatformResource,
  action: PlatformAction,
  what: string,
): Promise<void> {
  if (await caller.may(owner, resource, action)) return;
  if (action === "read" || !(await caller.may(owner, resource, "read"))) throw notFound(what);
  throw new OpenWorkersError("FORBIDDEN", `This ${what} may be read only, by this caller.`, {
    details: { scope: `${resource}:${action}` },
  });
}

export function notFound(what: string): OpenWorkersError {
  return new OpenWorkersError("NOT_FOUND", `There is no such ${what}.`);
}
