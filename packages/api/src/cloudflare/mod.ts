import type { Api } from "../http/route.ts";
import { assetRoutes } from "./assets.ts";
import { d1Routes } from "./d1.ts";
import { CloudflareFace, refuseTheRest } from "./face.ts";
import { kvRoutes } from "./kv.ts";
import { r2Routes } from "./r2.ts";
import { scriptRoutes } from "./scripts.ts";
import { secretRoutes } from "./secrets.ts";
import { tailRoutes } from "./tails.ts";
import { userRoutes } from "./user.ts";
import { versionRoutes } from "./versions.ts";

/** What Cloudflare's clients need of its API (`/client/v4`), over the routes of `v1`. */
export function cloudflareFace(v1: Api): CloudflareFace["app"] {
  const face = new CloudflareFace(v1);
  userRoutes(face);
  scriptRoutes(face);
  versionRoutes(face);
  secretRoutes(face);
  tailRoutes(face);
  assetRoutes(face);
  kvRoutes(face);
  r2Routes(face);
  d1Routes(face);
  refuseTheRest(face);
  return face.app;
}
