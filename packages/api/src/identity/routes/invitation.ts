import { z } from "@hono/zod-openapi";
import { OpenWorkersError } from "@openworkers/core";
import { sql } from "kysely";
import type { IdentityDatabase } from "../database.ts";
import { type IdentityApp, route } from "../http/route.ts";
import { countAttempt } from "../limits.ts";
import { queueMail } from "../mail.ts";
import { page } from "../page.ts";
import { minPasswordLength } from "../passwords.ts";
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

  route(
    app,
    {
      method: "post",
      path: "/sign-up/invitation/mail",
      summary: "Mail an invitation's link to whom it is for",
      description: "`mailed` is false where no mail is sent: then it is handed on by whoever invites.",
      open: true,
      body: z.strictObject({ invitation: linkToken }),
      result: z.object({ mailed: z.boolean() }),
    },
    async ({ database, client, body, settings }) => {
      const { address } = client;
      await countAttempt(database, { action: "link", address });
      const found = await findInvitation(database, await tokenHash(body.invitation));
      if (found === undefined) throw deadLink("invitation");
      if (!settings.sendsMail) return { mailed: false };
      await countAttempt(database, { action: "mail", address, account: found.email });
      await queueMail(database, settings, {
        recipient: found.email,
        template: "invitation",
        data: { token: body.invitation, organisation: found.organisation },
      });
      return { mailed: true };
    },
  );

  route(
    app,
    {
      method: "get",
      path: "/sign-up/invited",
      summary: "A page for the link of an invitation, where there is no dashboard",
      open: true,
      query: z.object({ token: linkToken }),
      answers: "text/html",
    },
    async ({ query }) =>
      page({
        title: "Make your account",
        action: "/v1/auth/sign-up/invited",
        hidden: { invitation: query.token },
        fields: [
          { name: "name", label: "Name", type: "text", autocomplete: "name" },
          {
            name: "password",
            label: `Password, at least ${minPasswordLength} characters`,
            type: "password",
            autocomplete: "new-password",
            minLength: minPasswordLength,
          },
        ],
        button: "Make the account and join",
        done: "Done: you are a member. Sign in with: ow login",
      }),
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
