import { messageOf, type Report } from "@openworkers/core";
import type { Database, SecretKeys } from "@openworkers/db";
import { createTransport, type Transporter } from "nodemailer";
import { Periodic } from "../upkeep/periodic.ts";
import type { MailSettings } from "./settings.ts";
import { mailContent, mailText } from "./texts.ts";
import { markSent, putOff, takeMails, type WaitingMail } from "./waiting.ts";

export interface MailerOptions {
  /** The platform's database, migrated. */
  readonly database: Database;
  /** What opens the mails: they hold links that let in. */
  readonly secretKeys: Pick<SecretKeys, "open">;
  readonly settings: MailSettings;
  readonly report: Report;
  /** Between two looks for mails. */
  readonly everyMs?: number;
}

const batch = 20;
const timeoutMs = 30_000;

/**
 * Sends the mails that wait in the database, until it is disposed of. Any number of mailers share the work. A mail that
 * the server does not take is tried again for a day; one that it refuses for good is given up at once.
 */
export function createMailer(options: MailerOptions): AsyncDisposable {
  const { database, settings, report, everyMs = 3_000 } = options;
  const transport = createTransport({
    url: settings.smtpUrl,
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  const work = async () => {
    for (;;) {
      const mails = await takeMails(database, batch);
      for (const mail of mails) await sendOne(options, transport, mail);
      if (mails.length < batch) return;
    }
  };
  const periodic = new Periodic(everyMs, "Mails were not looked for.", work, report);
  return {
    async [Symbol.asyncDispose]() {
      await periodic[Symbol.asyncDispose]();
      transport.close();
    },
  };
}

async function sendOne(options: MailerOptions, transport: Transporter, mail: WaitingMail): Promise<void> {
  const { database, report } = options;
  try {
    await transport.sendMail(await compose(options, mail));
  } catch (thrown) {
    const isKept = isFinal(thrown)
      ? await putOff(database, { ...mail, attempts: Number.POSITIVE_INFINITY }, messageOf(thrown))
      : await putOff(database, mail, messageOf(thrown));
    report(isKept ? "A mail could not be sent yet." : "A mail is given up.", {
      mail: mail.id,
      template: mail.template,
      attempts: mail.attempts,
      error: messageOf(thrown),
    });
    return;
  }
  await markSent(database, mail);
}

async function compose({ secretKeys, settings }: MailerOptions, mail: WaitingMail) {
  const content = mailContent.parse(JSON.parse(await secretKeys.open(mail.sealed, { mailId: mail.id })));
  return {
    from: settings.from,
    to: { name: "", address: mail.recipient },
    ...mailText(mail.template, content),
    // The same for every attempt: whoever is sent two shows one.
    messageId: `<${mail.id}@openworkers>`,
    headers: { "Auto-Submitted": "auto-generated" },
  };
}

/** Whether the server has said that it will never take it (RFC 5321, 4.2.1). */
function isFinal(thrown: unknown): boolean {
  return (
    thrown instanceof Error &&
    "responseCode" in thrown &&
    typeof thrown.responseCode === "number" &&
    thrown.responseCode >= 550 &&
    thrown.responseCode < 560
  );
}
