import type { Routes } from "@angular/router";

export const routes: Routes = [
  {
    path: "",
    loadComponent: () => import("./settings.ts").then(({ Settings }) => Settings),
    children: [
      { path: "", pathMatch: "full", redirectTo: "variables" },
      { path: "variables", loadComponent: () => import("./values/values.ts").then(({ Values }) => Values) },
      {
        path: "bindings",
        loadComponent: () => import("./bindings/bindings.ts").then(({ Bindings }) => Bindings),
      },
      { path: "domains", loadComponent: () => import("./domains/domains.ts").then(({ Domains }) => Domains) },
      { path: "limits", loadComponent: () => import("./limits/limits.ts").then(({ Limits }) => Limits) },
      { path: "general", loadComponent: () => import("./general/general.ts").then(({ General }) => General) },
    ],
  },
];
