import { z } from "@hono/zod-openapi";
import { OpenWorkersError, type UserId } from "@openworkers/core";
import { sql } from "kysely";
import { audit } from "../audit.ts";
import type { IdentityDatabase } from "../database.ts";
import type { Call } from "../http/call.ts";
import { type IdentityApp, route } from "../http/route.ts";
import { countAttempt } from "../limits.ts";
import { page } from "../page.ts";
import { minPasswordLength } from "../passwords.ts";
import { displayName, email, linkToken, newPassword, signedIn, tokenQuery } from "../schemas.ts";
import { tokenHash } from "../token.ts";
import { accepted } from "./email.ts";
import { deadLink, findInvitation } from "./invitation.ts";
import { answerSignedIn } from "./signed-in.ts";

interface Person {
  readonly email: string;
  readonly password: string;
  readonly name?: string | undefined;
}

const person = z.strictObject({ email, password: newPassword, name: displayName.optional() });

export function signUpRoutes(app: IdentityApp): void {
  route(
    app,
    {
      method: "post",
      path: "/sign-up",
      hashes: true,
      summary: "Make an account, where registration is open",
      description:
        "A mail with a link follows. The answer is the same whether there is an account with this e-mail already or not.",
      open: true,
      body: person,
      result: accepted,
      status: 202,
    },
    async (call) => {
      const { body } = call;
      if (call.settings.registration !== "open") {
        throw new OpenWorkersError("FORBIDDEN", "Registration is closed here.", {
          hint: "Ask an administrator for an invitation.",
        });
      }
      await countAttempt(call.database, {
        action: "sign-up",
        address: call.client.address,
        account: body.email,
      });
      await call.database.transaction().execute((transaction) => signUp(call, transaction, body, false));
      return { status: "accepted" as const };
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/sign-up/invited",
      hashes: true,
      summary: "Make an account with the token of an invitation, and join the organisation",
      open: true,
      query: tokenQuery,
      body: z.strictObject({ invitation: linkToken, password: newPassword, name: displayName.optional() }),
      result: signedIn,
      status: 201,
    },
    async (call) => {
      const { body, query } = call;
      await countAttempt(call.database, { action: "setup", address: call.client.address });
      const hash = await tokenHash(body.invitation);
      const invitation = await findInvitation(call.database, hash);
      if (invitation === undefined) throw deadLink("invitation");
      const made = await proven(call, { ...body, email: invitation.email }, async (transaction, id) => {
        const accept = sql<{ ok: boolean }>`select identity.accept_invitation(${hash}, ${id}) as ok`;
        if ((await accept.execute(transaction)).rows[0]?.ok !== true) throw deadLink("invitation");
        await audit(transaction, id, "invitation.accept");
      });
      return answerSignedIn(call, made, query);
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/setup",
      hashes: true,
      summary: "Make an operator's account with the token of a one-time link",
      open: true,
      query: tokenQuery,
      body: person.extend({ token: linkToken }),
      result: signedIn,
      status: 201,
    },
    async (call) => {
      const { body, query } = call;
      await countAttempt(call.database, { action: "setup", address: call.client.address });
      const hash = await tokenHash(body.token);
      const made = await proven(call, body, async (transaction, id) => {
        const claim = sql<{ ok: boolean }>`select identity.claim_setup_link(${hash}, ${id}) as ok`;
        if ((await claim.execute(transaction)).rows[0]?.ok !== true) throw deadLink("token");
        await audit(transaction, id, "account.claim_setup");
      });
      return answerSignedIn(call, made, query);
    },
  );

  route(
    app,
    {
      method: "get",
      path: "/setup",
      summary: "A page for the one-time link, where there is no dashboard",
      open: true,
      query: z.object({ token: linkToken }),
      answers: "text/html",
    },
    async ({ query }) =>
      page({
        title: "Set up OpenWorkers",
        action: "/v1/auth/setup",
        hidden: { token: query.token },
        fields: [
          { name: "email", label: "E-mail", type: "email", autocomplete: "username" },
          {
            name: "password",
            label: `Password, at least ${minPasswordLength} characters`,
            type: "password",
            autocomplete: "new-password",
            minLength: minPasswordLength,
          },
        ],
        button: "Make the first account",
        done: "Done: this account runs the platform now. Sign in with: ow login",
      }),
  );
}

/** Makes a person whose e-mail a link has proven, does `also` in the same transaction, and signs them in. */
async function proven(
  call: Call,
  body: Person,
  also: (transaction: IdentityDatabase, id: UserId) => Promise<void>,
) {
  return call.database.transaction().execute(async (transaction) => {
    const id = await signUp(call, transaction, body, true);
    if (id === undefined) {
      throw new OpenWorkersError("CONFLICT", `There is an account with the e-mail ${body.email} already.`, {
        hint: "Sign in with it.",
      });
    }
    await also(transaction, id);
    const { internalAdapter } = await call.auth({ database: transaction }).$context;
    const session = await internalAdapter.createSession(id);
    return { user: { id, email: body.email, name: nameOf(body) }, token: session.token };
  });
}

/** Makes a person; undefined when there is one with this e-mail, for which it has done as much work. */
async function signUp(
  call: Call,
  transaction: IdentityDatabase,
  body: Person,
  emailIsProven: boolean,
): Promise<UserId | undefined> {
  // Two at once with an e-mail that is new would be answered otherwise than with one that is not.
  await sql`select pg_advisory_xact_lock(hashtextextended(${`sign-up ${body.email}`}, 0))`.execute(
    transaction,
  );
  const made: UserId[] = [];
  const auth = call.auth({ database: transaction, emailIsProven, onPerson: (id) => made.push(id) });
  await auth.api.signUpEmail({ body: { email: body.email, password: body.password, name: nameOf(body) } });
  const [id] = made;
  if (id !== undefined) await audit(transaction, id, "account.create", { address: call.client.address });
  return id;
}

function nameOf({ name, email: address }: Omit<Person, "password">): string {
  return name ?? (address.split("@")[0] || address);
}
