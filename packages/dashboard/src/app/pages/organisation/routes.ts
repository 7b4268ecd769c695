import type { Routes } from "@angular/router";

export const routes: Routes = [
  { path: "", loadComponent: () => import("./members.ts").then(({ Members }) => Members) },
  { path: "usage", loadComponent: () => import("./usage.ts").then(({ UsagePage }) => UsagePage) },
  { path: "audit", loadComponent: () => import("./audit.ts").then(({ AuditLog }) => AuditLog) },
  { path: "settings", loadComponent: () => import("./settings.ts").then(({ Settings }) => Settings) },
];
