import type { Routes } from "@angular/router";

export const routes: Routes = [
  { path: "", loadComponent: () => import("./editor-page.ts").then(({ EditorPage }) => EditorPage) },
];
