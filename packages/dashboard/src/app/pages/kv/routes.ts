import type { Routes } from "@angular/router";

export const routes: Routes = [
  { path: "", loadComponent: () => import("./namespaces.ts").then(({ Namespaces }) => Namespaces) },
  { path: ":namespace", loadComponent: () => import("./namespace.ts").then(({ Namespace }) => Namespace) },
];
