import type { Routes } from "@angular/router";

export const routes: Routes = [
  { path: "", pathMatch: "full", loadComponent: () => import("./queues.ts").then(({ Queues }) => Queues) },
  { path: ":queue", loadComponent: () => import("./queue.ts").then(({ QueuePage }) => QueuePage) },
];
