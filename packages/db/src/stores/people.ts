import type { UserId } from "@openworkers/core";
import { sql } from "kysely";
import type { StoreDatabase } from "../database.ts";

/** Somebody who can sign in. */
export interface Person {
  readonly id: UserId;
  readonly name: string;
  readonly email: string;
  readonly isOperator: boolean;
  readonly createdAt: Date;
}

/** Who can sign in, those who came first before the others. */
export async function listPeople(database: StoreDatabase): Promise<Person[]> {
  return database.read(async (queries) => {
    const { rows } = await sql<Person>`
      select u.id, u.name, p.email, u.is_operator as "isOperator", u.created_at as "createdAt"
      from users u join identity.users p on p.id = u.id
      order by u.created_at, u.id`.execute(queries);
    return rows;
  });
}
