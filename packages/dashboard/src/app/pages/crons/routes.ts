import type { Routes } from "@angular/router";

export const routes: Routes = [
  { path: "", pathMatch: "full", loadComponent: () => import("./crons.ts").then(({ Crons }) => Crons) },
  { path: ":worker/:cron", loadComponent: () => import("./cron.ts").then(({ CronPage }) => CronPage) },
];
