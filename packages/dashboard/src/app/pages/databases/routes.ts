import type { Routes } from "@angular/router";

export const routes: Routes = [
  { path: "", loadComponent: () => import("./list/list.ts").then(({ DatabaseList }) => DatabaseList) },
  {
    path: ":database",
    loadComponent: () => import("./one/database.ts").then(({ DatabasePage }) => DatabasePage),
    children: [
      { path: "", pathMatch: "full", redirectTo: "tables" },
      { path: "tables", loadComponent: () => import("./tables/tables.ts").then(({ Tables }) => Tables) },
      { path: "console", loadComponent: () => import("./console/console.ts").then(({ Console }) => Console) },
      { path: "tokens", loadComponent: () => import("./one/tokens.ts").then(({ Tokens }) => Tokens) },
      { path: "connect", loadComponent: () => import("./one/connect.ts").then(({ Connect }) => Connect) },
      { path: "settings", loadComponent: () => import("./one/settings.ts").then(({ Settings }) => Settings) },
    ],
  },
];
