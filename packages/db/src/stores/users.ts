import { newId, OpenWorkersError, type UserId } from "@openworkers/core";
import type { Queries, StoreDatabase } from "../database.ts";
import type { MemberRole } from "../tables.ts";
import { audit } from "./audit.ts";

export interface User {
  readonly id: UserId;
  readonly name: string;
  /** May act on what others own. */
  readonly isOperator: boolean;
}

/** Whoever has the database's password acts as this user. It has none itself, so nobody can log in as it. */
export const operatorName = "operator";

/** The user as whom `ow` acts with direct database access; made when it is not there. */
export async function ensureOperator(database: StoreDatabase): Promise<User> {
  return database.write(async (transaction) => {
    const made = await transaction
      .insertInto("users")
      .values({ id: newId<"user">(), name: operatorName, is_operator: true })
      .onConflict((conflict) => conflict.column("name").doNothing())
      .returning("id")
      .executeTakeFirst();
    if (made !== undefined) await audit(transaction, made.id, "user.create", operatorName);
    return userNamed(transaction, operatorName);
  });
}

/** Makes a user without a way to log in. @throws OpenWorkersError CONFLICT when the name is taken. */
export async function createUser(database: StoreDatabase, name: string): Promise<User> {
  return database.write(async (transaction) => {
    const made = await transaction
      .insertInto("users")
      .values({ id: newId<"user">(), name })
      .onConflict((conflict) => conflict.column("name").doNothing())
      .returning("id")
      .executeTakeFirst();
    if (made === undefined) throw new OpenWorkersError("CONFLICT", `There is a user "${name}" already.`);
    await audit(transaction, made.id, "user.create", name);
    return userNamed(transaction, name);
  });
}

async function userNamed(queries: Queries, name: string): Promise<User> {
  return queries
    .selectFrom("users")
    .select(["id", "name", "is_operator as isOperator"])
    .where("name", "=", name)
    .executeTakeFirstOrThrow();
}

/** What is done to something that an account owns, and the roles in an organisation that may do it. */
const rolesFor: Readonly<Record<"write" | "delete", readonly MemberRole[]>> = {
  write: ["owner", "admin", "developer"],
  delete: ["owner", "admin"],
};

/**
 * Checks that `by` may act on what `owner` owns: their own, their organisation's as their role there allows, or anything
 * when they are an operator.
 *
 * @throws OpenWorkersError FORBIDDEN
 */
export async function mustOwn(
  queries: Queries,
  by: UserId,
  owner: UserId,
  what: string,
  action: keyof typeof rolesFor = "write",
): Promise<void> {
  if (by === owner || (await isOperator(queries, by))) return;
  const member = await queries
    .selectFrom("members")
    .select("role")
    .where("organisation_id", "=", owner)
    .where("user_id", "=", by)
    .executeTakeFirst();
  if (member === undefined) throw new OpenWorkersError("FORBIDDEN", `${what} belongs to somebody else.`);
  if (rolesFor[action].includes(member.role)) return;
  throw new OpenWorkersError(
    "FORBIDDEN",
    `${what} cannot be ${action === "delete" ? "deleted" : "changed"} by a ${member.role} of its organisation.`,
    { hint: `That takes one of the roles ${rolesFor[action].join(", ")}.` },
  );
}

/** Whether a user may act on what others own. */
export async function isOperator(queries: Queries, id: UserId): Promise<boolean> {
  const user = await queries
    .selectFrom("users")
    .select("is_operator")
    .where("id", "=", id)
    .executeTakeFirst();
  return user?.is_operator === true;
}
