import type { Route, Routes, UrlSegment } from "@angular/router";
import { operator, signedIn } from "./session/guards.ts";

type Area = () => Promise<{ readonly routes: Routes }>;

function area(path: string, load: Area) {
  return { path, loadChildren: () => load().then(({ routes }) => routes) };
}

export const routes: Routes = [
  // Without its condition it would match the dashboard's own address, with nothing in it.
  {
    ...area("", () => import("./pages/sign-in/routes.ts")),
    canMatch: [(_: Route, segments: readonly UrlSegment[]) => segments.length > 0],
  },
  {
    path: "",
    canActivate: [signedIn],
    loadComponent: () => import("./shell/shell.ts").then(({ Shell }) => Shell),
    children: [
      area("", () => import("./pages/overview/routes.ts")),
      area("crons", () => import("./pages/crons/routes.ts")),
      area("queues", () => import("./pages/queues/routes.ts")),
      area("kv", () => import("./pages/kv/routes.ts")),
      area("storage", () => import("./pages/storage/routes.ts")),
      area("databases", () => import("./pages/databases/routes.ts")),
      area("account", () => import("./pages/account/routes.ts")),
      area("organisation", () => import("./pages/organisation/routes.ts")),
      { ...area("system", () => import("./pages/system/routes.ts")), canActivate: [operator] },
      area("logs", () => import("./pages/worker-logs/all-routes.ts")),
      area("workers", () => import("./pages/worker/routes.ts")),
    ],
  },
];
