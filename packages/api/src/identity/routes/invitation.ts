import { z } from "@hono/zod-openapi";
import { OpenWorkersError } from "@openworkers/core";
import { sql } from "kysely";
import type { IdentityDatabase } from "../database.ts";
import { type IdentityApp, route } from "../http/route.ts";
import { countAttempt } from "../limits.ts";
import { linkToken } from "../schemas.ts";
import { tokenHash } from "../token.ts";

interface Invitation {
  readonly email: string;
  /** Name of the organisation. */
  readonly organisation: string;
}

const invitation = z.object({ email: z.string(), organisation: z.string() }).openapi("InvitationLink");

export function invitationRoutes(app: IdentityApp): void {
  route(
    app,
    {
      // Not GET: a token in an address ends up in logs.
      method: "post",
      path: "/sign-up/invitation",
      summary: "Whom an invitation's token is for, and what it invites to",
      open: true,
      body: z.strictObject({ invitation: linkToken }),
      result: invitation,
    },
    async ({ database, client, body }) => {
      await countAttempt(database, { action: "link", address: client.address });
      const found = await findInvitation(database, await tokenHash(body.invitation));
      if (found === undefined) throw deadLink("invitation");
      return found;
    },
  );
}

/** By the hash of its token; undefined when it is none, or none any more. */
export async function findInvitation(
  database: IdentityDatabase,
  hash: Uint8Array,
): Promise<Invitation | undefined> {
  const { rows } =
    await sql<Invitation>`select email, organisation from identity.invitation(${hash})`.execute(database);
  return rows[0];
}

export function deadLink(field: string): OpenWorkersError {
  return new OpenWorkersError("INVALID_INPUT", "The link is not valid, was used already, or has expired.", {
    field,
    hint: "Ask for another.",
  });
}
