import type { Routes } from "@angular/router";

export const routes: Routes = [
  {
    path: "",
    loadComponent: () => import("./frame.ts").then(({ SystemFrame }) => SystemFrame),
    children: [
      { path: "", pathMatch: "full", redirectTo: "runners" },
      { path: "runners", loadComponent: () => import("./runners.ts").then(({ Runners }) => Runners) },
      { path: "services", loadComponent: () => import("./services.ts").then(({ Services }) => Services) },
      { path: "versions", loadComponent: () => import("./versions.ts").then(({ Versions }) => Versions) },
      { path: "users", loadComponent: () => import("./users.ts").then(({ Users }) => Users) },
    ],
  },
];
