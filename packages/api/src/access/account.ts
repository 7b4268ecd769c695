import { isId, OpenWorkersError, type UserId } from "@openworkers/core";
import { sql } from "kysely";
import type { Scope } from "../http/call.ts";
import { notFound } from "../http/not-found.ts";

/** What policies and keys' scopes speak of. */
export const resources = [
  "workers",
  "kv",
  "storage",
  "databases",
  "queues",
  "crons",
  "domains",
  "logs",
  "members",
  "keys",
  "audit",
] as const;
export type ScopedResource = (typeof resources)[number];
export const actions = ["read", "write", "delete"] as const;
export type Action = (typeof actions)[number];

/** What an action is on: somebody's things of a kind. */
export interface Right {
  readonly resource: ScopedResource;
  readonly action: Action;
}

/** An account that the caller may name: their own, or an organisation of theirs. */
export interface Account {
  readonly id: UserId;
  readonly name: string;
}

/**
 * The account that a request is about, of which the caller may do what `right` says.
 *
 * @param nameOrId the caller's own without
 * @throws OpenWorkersError NOT_FOUND, FORBIDDEN
 */
export async function accountFor(scope: Scope, nameOrId: string | undefined, right: Right): Promise<Account> {
  const wanted = nameOrId ?? scope.caller;
  const account = await scope.queries
    .selectFrom("users")
    .select(["id", "name"])
    .select(sql<boolean>`caller_may(id, ${right.resource}, ${right.action})`.as("allowed"))
    .where(({ eb, or }) =>
      or([eb("name", "=", wanted), ...(isId<"user">(wanted) ? [eb("id", "=", wanted)] : [])]),
    )
    .where(mayBeNamed(scope.caller))
    .orderBy(({ eb }) => eb("name", "=", wanted))
    .limit(1)
    .executeTakeFirst();
  if (account === undefined) throw notFound(`There is no account "${wanted}".`, "/accounts");
  if (!account.allowed) throw notAllowed(right);
  return { id: account.id, name: account.name };
}

/** Of `users`: the caller, their organisations, and everybody for an operator. */
export function mayBeNamed(caller: UserId) {
  return sql<boolean>`(
    users.id = ${caller}
    or exists (select from members where organisation_id = users.id and user_id = ${caller})
    or exists (select from users as callers where callers.id = ${caller} and callers.is_operator)
  )`;
}

export function notAllowed({ resource, action }: Right): OpenWorkersError {
  return new OpenWorkersError(
    "FORBIDDEN",
    `This takes ${resource}:${action}, which the role or the key does not have.`,
    {
      details: { scope: `${resource}:${action}` },
    },
  );
}
