export { createMailer, type MailerOptions } from "./mailer.ts";
export { type MailSettings, readMailSettings } from "./settings.ts";
