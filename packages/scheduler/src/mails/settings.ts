import { OpenWorkersError } from "@openworkers/core";
import { z } from "zod";

export interface MailSettings {
  /** Where mail is handed in, with user and password: `smtps://user:secret@mail.example.com`. */
  readonly smtpUrl: string;
  /** Whom it is from: `OpenWorkers <workers@example.com>`. */
  readonly from: string;
}

const schema = z.object({
  OW_SMTP_URL: z.url({ protocol: /^smtps?$/ }).optional(),
  OW_MAIL_FROM: z
    .string()
    .regex(/^[^\r\n]*[^\s@<>]+@[^\s@<>]+>?$/, "is no e-mail address")
    .optional(),
});

/**
 * How mail is sent; undefined when nothing says so, and then it is not.
 *
 * @throws OpenWorkersError CONFIG_INVALID naming the variable, never its value, which holds a password
 */
export function readMailSettings(
  env: Readonly<Record<string, string | undefined>>,
): MailSettings | undefined {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const name = String(parsed.error.issues[0]?.path[0]);
    throw new OpenWorkersError("CONFIG_INVALID", `${name} cannot be used.`, {
      hint: "As in OW_SMTP_URL=smtps://user:secret@mail.example.com OW_MAIL_FROM=workers@example.com",
    });
  }
  const { OW_SMTP_URL: smtpUrl, OW_MAIL_FROM: from } = parsed.data;
  if (smtpUrl === undefined && from === undefined) return undefined;
  if (smtpUrl !== undefined && from !== undefined) return { smtpUrl, from };
  throw new OpenWorkersError("CONFIG_INVALID", "OW_SMTP_URL and OW_MAIL_FROM go together.");
}
