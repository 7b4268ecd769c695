import type { Routes } from "@angular/router";

const area = (path: string, load: () => Promise<{ readonly routes: Routes }>) => ({
  path,
  loadChildren: () => load().then(({ routes }) => routes),
});

/** `/workers`, and of one worker its tabs in its frame; each tab is an area of its own. */
export const routes: Routes = [
  {
    path: "",
    pathMatch: "full",
    loadComponent: () => import("./list.ts").then(({ WorkerList }) => WorkerList),
  },
  { path: "new", loadComponent: () => import("./create.ts").then(({ CreateWorker }) => CreateWorker) },
  {
    path: ":worker",
    loadComponent: () => import("./frame.ts").then(({ WorkerFrame }) => WorkerFrame),
    children: [
      {
        path: "",
        pathMatch: "full",
        loadComponent: () => import("./overview.ts").then(({ WorkerOverview }) => WorkerOverview),
      },
      {
        path: "deployments",
        pathMatch: "full",
        loadComponent: () => import("./deployments.ts").then(({ WorkerDeployments }) => WorkerDeployments),
      },
      {
        path: "deployments/compare",
        loadComponent: () => import("./compare.ts").then(({ CompareVersions }) => CompareVersions),
      },
      {
        path: "deployments/versions/:version",
        loadComponent: () => import("./version.ts").then(({ WorkerVersion }) => WorkerVersion),
      },
      area("editor", () => import("../editor/routes.ts")),
      area("logs", () => import("../worker-logs/routes.ts")),
      area("settings", () => import("../worker-settings/routes.ts")),
    ],
  },
];
