import type { MailTemplate } from "@openworkers/db";
import { z } from "zod";

/** What of a mail is sealed. */
export const mailContent = z.object({
  /** Of the platform, as people see it. */
  origin: z.string(),
  link: z.string().optional(),
  /** Of an invitation. */
  organisation: z.string().optional(),
});

export type MailContent = z.output<typeof mailContent>;

export interface MailText {
  readonly subject: string;
  readonly text: string;
}

type Text = (
  content: MailContent & { readonly link: string },
) => readonly [subject: string, ...lines: string[]];

const texts: Readonly<Record<MailTemplate, Text>> = {
  "reset-password": ({ origin, link }) => [
    "Choose another password",
    `Somebody, most likely you, asked to choose another password for ${origin}:`,
    link,
    "The link is good for one hour, once. If it was not you, do nothing: your password stays as it is.",
  ],
  "verify-email": ({ origin, link }) => [
    "Confirm your e-mail",
    `Somebody, most likely you, made an account with this e-mail at ${origin}. To confirm it:`,
    link,
    "The link is good for one hour. If it was not you, do nothing: nobody can use the account without it.",
  ],
  "already-registered": ({ origin }) => [
    "You have an account already",
    `Somebody, most likely you, tried to make an account with this e-mail at ${origin}, where you have one.`,
    "Sign in with it; if you have forgotten the password, ask for another there. If it was not you, do nothing.",
  ],
  "password-changed": ({ origin }) => [
    "Your password was changed",
    `The password of your account at ${origin} was changed just now, and every other session has ended.`,
    "If it was not you, ask there for a link to choose another at once, and tell whoever runs the platform.",
  ],
  invitation: ({ origin, link, organisation = "an organisation" }) => [
    `Join ${organisation}`,
    `You are invited to join ${organisation} at ${origin}:`,
    link,
    "If you do not know what this is about, do nothing.",
  ],
};

/** A mail's subject and text. */
export function mailText(template: MailTemplate, content: MailContent): MailText {
  const [subject, ...paragraphs] = texts[template]({ ...content, link: content.link ?? content.origin });
  return { subject, text: `${paragraphs.join("\n\n")}\n` };
}
