import { z } from "@hono/zod-openapi";
import type { UserId } from "@openworkers/core";
import { audit } from "../audit.ts";
import type { Call } from "../http/call.ts";
import { type IdentityApp, route } from "../http/route.ts";
import { countAttempt } from "../limits.ts";
import { page } from "../page.ts";
import { email, linkToken } from "../schemas.ts";

export const accepted = z.object({ status: z.literal("accepted") }).openapi("Accepted");

export function emailRoutes(app: IdentityApp): void {
  route(
    app,
    {
      method: "post",
      path: "/email/verify",
      summary: "Show that an e-mail is one's own, with the token of a mail's link",
      open: true,
      body: z.strictObject({ token: linkToken }),
    },
    async (call) => {
      const { body } = call;
      await countAttempt(call.database, { action: "link", address: call.client.address });
      await verifyEmail(call, body.token);
    },
  );

  route(
    app,
    {
      method: "post",
      path: "/email/verify/resend",
      summary: "Ask for another link",
      description: "The answer is the same whether there is such an account or not.",
      open: true,
      body: z.strictObject({ email }),
      result: accepted,
      status: 202,
    },
    async (call) => {
      const { body } = call;
      await countAttempt(call.database, {
        action: "mail",
        address: call.client.address,
        account: body.email,
      });
      call.afterwards("sending a link", () => sendVerification(call, body.email));
      return { status: "accepted" as const };
    },
  );

  route(
    app,
    {
      method: "get",
      path: "/email/verify",
      summary: "A page for the link of a mail, where there is no dashboard",
      open: true,
      query: z.object({ token: linkToken }),
      answers: "text/html",
    },
    // Mail servers open links to look at them: only a press of the button uses it.
    async ({ query }) =>
      page({
        title: "Confirm your e-mail",
        action: "/v1/auth/email/verify",
        hidden: { token: query.token },
        fields: [],
        button: "Confirm",
        done: "Your e-mail is confirmed. You can sign in now.",
      }),
  );
}

async function verifyEmail(call: Call, token: string): Promise<void> {
  const verified: UserId[] = [];
  await call.database.transaction().execute(async (transaction) => {
    const auth = call.auth({ database: transaction, onVerified: (id) => verified.push(id) });
    await auth.api.verifyEmail({ query: { token } });
    for (const id of verified) await audit(transaction, id, "email.verify");
  });
}

/** Queues a link for whoever has this e-mail and has not shown so yet; for others it does nothing. */
export async function sendVerification(call: Call, address: string): Promise<void> {
  await call.auth().api.sendVerificationEmail({ body: { email: address } });
}
