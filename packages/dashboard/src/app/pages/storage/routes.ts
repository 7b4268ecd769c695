import type { Routes } from "@angular/router";

export const routes: Routes = [
  { path: "", loadComponent: () => import("./buckets.ts").then(({ Buckets }) => Buckets) },
  { path: ":bucket", loadComponent: () => import("./bucket.ts").then(({ Bucket }) => Bucket) },
];
