import { knownMethods } from "../ingress/problems.ts";

/** A method as spans name it: collectors count names, and anybody can make up methods. */
export function spanMethod(method: string): string {
  return knownMethods.has(method) ? method : "_OTHER";
}
