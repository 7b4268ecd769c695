import type { DatabaseFaces } from "../profile/profile.ts";
import { reachable } from "./access.ts";

/** What psql and drivers connect with. The token is the password; the rest is for people. */
export function connectionString({ host, port }: DatabaseFaces, name: string, token: string): string {
  const address = reachable(host);
  const place = address.includes(":") ? `[${address}]` : address;
  return `postgres://${name}:${token}@${place}:${port}/${name}`;
}
