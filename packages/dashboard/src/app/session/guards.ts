import { inject } from "@angular/core";
import { type CanActivateFn, Router } from "@angular/router";
import { Session } from "./session.ts";

/** To the sign-in page first, and back afterwards. */
export const signedIn: CanActivateFn = async (_route, { url }) => {
  const session = inject(Session);
  const router = inject(Router);
  await session.known();
  if (session.signedIn()) return true;
  return router.createUrlTree(["/sign-in"], url === "/" ? {} : { queryParams: { next: url } });
};

export const operator: CanActivateFn = async () => {
  const session = inject(Session);
  const router = inject(Router);
  await session.known();
  return session.person()?.isOperator === true || router.createUrlTree(["/"]);
};
