import type { Routes } from "@angular/router";

/** `/logs`: those of all workers of the account. */
export const routes: Routes = [
  { path: "", loadComponent: () => import("./all-logs.ts").then(({ AllLogs }) => AllLogs) },
];
