import type { Routes } from "@angular/router";

export const routes: Routes = [
  { path: "sign-in", loadComponent: () => import("./sign-in.ts").then(({ SignIn }) => SignIn) },
  { path: "setup", loadComponent: () => import("./setup.ts").then(({ Setup }) => Setup) },
  { path: "register", loadComponent: () => import("./register.ts").then(({ Register }) => Register) },
  {
    path: "sign-up/confirm",
    loadComponent: () => import("./confirm-email.ts").then(({ ConfirmEmail }) => ConfirmEmail),
  },
  { path: "sign-up/invited", loadComponent: () => import("./invited.ts").then(({ Invited }) => Invited) },
  { path: "forgot", loadComponent: () => import("./forgot.ts").then(({ Forgot }) => Forgot) },
  { path: "reset", loadComponent: () => import("./reset.ts").then(({ Reset }) => Reset) },
];
