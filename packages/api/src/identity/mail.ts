import { newId, OpenWorkersError, seal } from "@openworkers/core";
import type { MailTemplate } from "@openworkers/db";
import { sql } from "kysely";
import type { IdentityDatabase } from "./database.ts";
import type { Settings } from "./environment.ts";

export interface Mail {
  readonly recipient: string;
  readonly template: MailTemplate;
  /** What its link holds, and for an invitation where that leads. */
  readonly data: { readonly token?: string; readonly organisation?: string };
}

// Where each mail's link leads: in the dashboard, and without one to a page of our own.
const paths: Partial<Record<MailTemplate, { readonly dashboard: string; readonly own: string }>> = {
  "reset-password": { dashboard: "/reset", own: "/v1/auth/password/reset" },
  invitation: { dashboard: "/sign-up/invited", own: "/v1/auth/sign-up/invited" },
  "verify-email": { dashboard: "/sign-up/confirm", own: "/v1/auth/email/verify" },
};

function pageOf({ dashboardUrl, baseUrl }: Settings, template: MailTemplate): string | undefined {
  const path = paths[template];
  if (path === undefined) return undefined;
  return dashboardUrl === undefined ? `${baseUrl}${path.own}` : `${dashboardUrl}${path.dashboard}`;
}

/**
 * Queues a mail, sealed so that only the scheduler can read it, in the transaction of `database` when it is one.
 *
 * @throws OpenWorkersError SECRET_UNREADABLE when the platform has no key to seal with.
 */
export async function queueMail(database: IdentityDatabase, settings: Settings, mail: Mail): Promise<void> {
  const { rows } = await sql<{ id: string; public_key: Uint8Array }>`
    select id, public_key from identity.active_sealing_key()`.execute(database);
  const [key] = rows;
  if (key === undefined) {
    throw new OpenWorkersError("SECRET_UNREADABLE", "The platform has no key to seal a mail with.");
  }
  const id = newId<"mail">();
  const page = pageOf(settings, mail.template);
  const { token, organisation } = mail.data;
  const content = {
    origin: settings.dashboardUrl ?? settings.baseUrl,
    ...(page === undefined || token === undefined
      ? {}
      : { link: `${page}?token=${encodeURIComponent(token)}` }),
    ...(organisation === undefined ? {} : { organisation }),
  };
  await database
    .insertInto("identity.mails")
    .values({
      id,
      recipient: mail.recipient,
      template: mail.template,
      sealed: await seal(new Uint8Array(key.public_key), JSON.stringify(content), { mailId: id }),
      key_id: key.id,
    })
    .execute();
}
