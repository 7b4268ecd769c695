import type { Routes } from "@angular/router";

export const routes: Routes = [
  { path: "", loadComponent: () => import("./profile.ts").then(({ Profile }) => Profile) },
  { path: "security", loadComponent: () => import("./security.ts").then(({ Security }) => Security) },
  { path: "keys", loadComponent: () => import("./keys.ts").then(({ Keys }) => Keys) },
];
