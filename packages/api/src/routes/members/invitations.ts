import { createHash } from "node:crypto";
import { z } from "@hono/zod-openapi";
import { isId, newId, OpenWorkersError, type UserId } from "@openworkers/core";
import { sql } from "kysely";
import { auditFor } from "../../access/audit.ts";
import type { Call } from "../../http/call.ts";
import { notFound } from "../../http/not-found.ts";
import { pageOf, pageOfAll, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { id, nameOrId, time } from "../../http/schemas.ts";
import { organisationFor } from "../accounts/routes.ts";
import { newToken } from "../keys/token.ts";

const tag = "Members";
const accountParams = z.object({ account: nameOrId });
const invitationDays = 7;

const invitationSchema = z
  .object({
    id,
    email: z.string(),
    role: z.enum(["admin", "developer", "viewer"]),
    createdAt: time,
    expiresAt: time,
  })
  .openapi("Invitation");

const mailed = z
  .boolean()
  .openapi({ description: "Whether a mail is on its way; otherwise the token is to be handed on." });

const email = z
  .email()
  .min(3)
  .max(254)
  .transform((given) => given.toLowerCase());

export function invitationRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/accounts/{account}/invitations",
      tag,
      summary: "List an organisation's open invitations",
      params: accountParams,
      query: pageQuery,
      result: pageOf(invitationSchema),
    },
    ({ params, query, reading }) =>
      reading(async (scope) => {
        const organisation = await organisationFor(scope, params.account, "write");
        const all = await scope.queries
          .selectFrom("invitations")
          .select(["id", "email", "role", "created_at as createdAt", "expires_at as expiresAt"])
          .where("organisation_id", "=", organisation.id)
          .execute();
        return pageOfAll(all, query, (invitation) => invitation.id);
      }),
  );

  routes.add(
    {
      method: "post",
      path: "/accounts/{account}/invitations",
      tag,
      summary: "Invite somebody by their e-mail address",
      description:
        "A mail brings it to them where mail is set up. The token is told once: whoever has it joins, with `POST /v1/invitations/accept` or as they sign up. An invitation for the same address before is replaced.",
      params: accountParams,
      body: z.strictObject({ email, role: invitationSchema.shape.role }),
      result: invitationSchema.extend({ token: z.string(), mailed }).openapi("NewInvitation"),
      status: 201,
    },
    async (call) => {
      const { params, body, together } = call;
      const made = await together(async (scope) => {
        const organisation = await organisationFor(scope, params.account, "write");
        const token = newToken("owin_");
        const invitation = newId<"invitation">();
        const expiresAt = new Date(Date.now() + invitationDays * 86_400_000);
        await scope.queries
          .deleteFrom("invitations")
          .where("organisation_id", "=", organisation.id)
          .where("email", "=", body.email)
          .execute();
        await scope.queries
          .insertInto("invitations")
          .values({
            id: invitation,
            organisation_id: organisation.id,
            email: body.email,
            role: body.role,
            hash: hashOf(token),
            invited_by: scope.caller,
            expires_at: expiresAt,
          })
          .execute();
        await auditFor(scope, organisation.id, "member.invite", organisation.name, body);
        return { id: invitation, ...body, createdAt: new Date(), expiresAt, token };
      });
      return { ...made, mailed: await mail(call, made.token) };
    },
  );

  routes.add(
    {
      method: "delete",
      path: "/accounts/{account}/invitations/{invitation}",
      tag,
      summary: "Take an invitation back",
      params: accountParams.extend({ invitation: id }),
    },
    ({ params, together }) =>
      together(async (scope) => {
        const organisation = await organisationFor(scope, params.account, "write");
        const { invitation } = params;
        const taken = isId<"invitation">(invitation)
          ? await scope.queries
              .deleteFrom("invitations")
              .where("organisation_id", "=", organisation.id)
              .where("id", "=", invitation)
              .returning("email")
              .executeTakeFirst()
          : undefined;
        if (taken === undefined)
          throw notFound("There is no such invitation.", `/accounts/${organisation.name}/invitations`);
        await auditFor(scope, organisation.id, "member.uninvite", organisation.name, { email: taken.email });
      }),
  );

  routes.add(
    {
      method: "post",
      path: "/invitations/accept",
      tag,
      summary: "Join the organisation that a token invites to",
      body: z.strictObject({ token: z.string().min(16).max(1_024) }),
      result: z.object({ account: z.string(), accountId: id }),
    },
    ({ body, together }) =>
      together(async (scope) => {
        const { rows } = await sql<{
          id: UserId | null;
        }>`select accept_invitation(${hashOf(body.token)}) as id`.execute(scope.queries);
        const joined = rows[0]?.id ?? undefined;
        if (joined === undefined)
          throw new OpenWorkersError("NOT_FOUND", "The invitation is not good any more.", {
            hint: "Ask for another.",
          });
        const { name } = await scope.queries
          .selectFrom("users")
          .select("name")
          .where("id", "=", joined)
          .executeTakeFirstOrThrow();
        await auditFor(scope, joined, "member.join", name);
        return { account: name, accountId: joined };
      }),
  );
}

/** Has sign-in, which knows where its pages are, mail an invitation's link. Whether it does: the invitation is good without. */
async function mail({ env, request }: Pick<Call, "env" | "request">, token: string): Promise<boolean> {
  const answer = await env.IDENTITY.fetch(
    new Request(`${env.BASE_URL}/v1/auth/sign-up/invitation/mail`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "cf-connecting-ip": request.headers.get("cf-connecting-ip") ?? "",
      },
      body: JSON.stringify({ invitation: token }),
    }),
  );
  if (answer.status === 200) return z.object({ mailed: z.boolean() }).parse(await answer.json()).mailed;
  // Too many at once, or a platform that has no key to seal a mail with.
  await answer.body?.cancel();
  return false;
}

function hashOf(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
