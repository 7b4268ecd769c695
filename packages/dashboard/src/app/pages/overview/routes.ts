import type { Routes } from "@angular/router";

export const routes: Routes = [
  {
    path: "",
    pathMatch: "full",
    loadComponent: () => import("./overview.ts").then(({ Overview }) => Overview),
  },
];
