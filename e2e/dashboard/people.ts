import type { Dashboard, Person } from "./rig.ts";

export type Role = "viewer" | "developer" | "admin";

/** Somebody beside Ada, and a session of theirs for what a test does without the pages. */
export interface Member extends Person {
  readonly id: string;
  readonly token: string;
}

/** The token of an invitation by Ada. */
export async function invite(
  dashboard: Dashboard,
  organisation: string,
  email: string,
  role: Role,
): Promise<string> {
  const path = `/accounts/${organisation}/invitations`;
  const { token } = await dashboard.api<{ token: string }>("POST", path, { email, role });
  return token;
}

/** Makes somebody who joins an organisation of Ada's as they sign up. */
export async function join(
  dashboard: Dashboard,
  organisation: string,
  { email, name, role }: { readonly email: string; readonly name: string; readonly role: Role },
): Promise<Member> {
  const password = "staple battery horse";
  const invitation = await invite(dashboard, organisation, email, role);
  const { user, token } = await dashboard.api<{ user: { id: string }; token: string }>(
    "POST",
    "/auth/sign-up/invited?token=true",
    { invitation, name, password },
  );
  return { email, password, id: user.id, token };
}

/** Another session of somebody's: its token. */
export async function signInAgain(dashboard: Dashboard, { email, password }: Person): Promise<string> {
  const { token } = await dashboard.api<{ token: string }>("POST", "/auth/sign-in?token=true", {
    email,
    password,
  });
  return token;
}

/** Whether a session's or key's token is good. */
export async function isGood(dashboard: Dashboard, token: string): Promise<boolean> {
  const response = await dashboard.platform.fetch("api", "/v1/account", {
    headers: { authorization: `Bearer ${token}` },
  });
  return response.ok;
}
