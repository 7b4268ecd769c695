// A wire face in a process of its own, for one tenant: to be killed.
import type { DatabaseId } from "@openworkers/core";
import { parseAddress } from "@openworkers/db";
import type { TenantPlace } from "../../tenant.ts";
import { sessionSettings } from "../../tenants/session-settings.ts";
import { oneTenant, placesForAll } from "../../testing/one-tenant.ts";
import { WireFace } from "../wire-face.ts";

interface Given {
  readonly server: string;
  readonly id: DatabaseId;
  readonly place: { kind: "platform"; passwords: Record<string, string> } | { kind: "external"; url: string };
}

const given: Given = JSON.parse(process.env.FACE ?? "");
const place = (
  given.place.kind === "external" ? { kind: "external", address: parseAddress(given.place.url) } : given.place
) as TenantPlace;
const face = new WireFace({
  directory: oneTenant({ id: given.id, place }),
  server: parseAddress(given.server),
  budget: placesForAll,
  sessionSettings,
  report: (message, details) => console.error(message, details),
});
console.log(face.listen({ hostname: "127.0.0.1", port: 0 }).port);
