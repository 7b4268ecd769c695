import type { Routes } from "@angular/router";

export const routes: Routes = [
  { path: "sign-in", loadComponent: () => import("./sign-in.ts").then(({ SignIn }) => SignIn) },
  { path: "setup", loadComponent: () => import("./setup.ts").then(({ Setup }) => Setup) },
];
