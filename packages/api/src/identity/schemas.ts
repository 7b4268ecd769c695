import { z } from "@hono/zod-openapi";
import { maxPasswordLength, minPasswordLength } from "./passwords.ts";

export const email = z
  .email()
  .max(254)
  .transform((text) => text.toLowerCase())
  .openapi({ type: "string", format: "email", example: "ada@example.com" });

/** One that exists: its rules may have been others when it was chosen. */
export const password = z.string().min(1).max(maxPasswordLength);

// Of ten or more characters, these lead every list of leaked passwords.
const commonest =
  /^(?:(?:0?1234567890?|9876543210|password|passw0rd|qwerty(?:uiop)?|iloveyou|letmein|admin|welcome|changeme|abc)[0-9!@#$]*)+$/i;

export const newPassword = z
  .string()
  .min(minPasswordLength)
  .max(maxPasswordLength)
  .refine((text) => new Set(text).size >= 5, "uses fewer than 5 different characters")
  .refine((text) => !commonest.test(text), "is one of the passwords that are tried first");

export const displayName = z.string().trim().min(1).max(100);

/** What a link holds. */
export const linkToken = z.string().min(16).max(1024);

/** `token=true` asks for the session's token in the answer, for use as `Authorization: Bearer`, and for no cookie. */
export const tokenQuery = z.object({ token: z.enum(["true", "false"]).optional() });

export const signedIn = z
  .object({
    user: z.object({ id: z.string(), email: z.string(), name: z.string() }),
    token: z.string().optional(),
  })
  .openapi("SignedIn");

/** The new token of a session that was made anew, for those who do not use the cookie. */
export const renewed = z.object({ token: z.string().optional() }).openapi("RenewedSession");
