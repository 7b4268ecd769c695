import type { Routes } from "@angular/router";

export const routes: Routes = [
  { path: "", loadComponent: () => import("./logs.ts").then(({ Logs }) => Logs), data: { wide: true } },
];
