import type { Routes } from "@angular/router";

const area = (path: string, load: () => Promise<{ readonly routes: Routes }>) => ({
  path,
  loadChildren: () => load().then(({ routes }) => routes),
});

/** `/workers`, and of one worker its tabs; each tab is an area of its own. */
export const routes: Routes = [
  {
    path: ":worker",
    children: [
      area("editor", () => import("../editor/routes.ts")),
      area("logs", () => import("../worker-logs/routes.ts")),
      area("settings", () => import("../worker-settings/routes.ts")),
    ],
  },
];
