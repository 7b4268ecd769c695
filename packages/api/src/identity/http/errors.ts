import { type ErrorCode, messageOf, OpenWorkersError } from "@openworkers/core";

interface AuthFailure {
  readonly statusCode: number;
  readonly body: { readonly code?: string; readonly message?: string };
}

const wrongCredentials: Said = [
  "UNAUTHORIZED",
  "The e-mail or the password is wrong.",
  "After signing up, follow the link in the mail first.",
];
const deadLink: Said = [
  "INVALID_INPUT",
  "The link is not valid, was used already, or has expired.",
  "Ask for another.",
  "token",
];
const startAgain: Said = ["UNAUTHORIZED", "This sign-in has ended.", "Start again with e-mail and password."];
const wrongCode: Said = ["UNAUTHORIZED", "The code is wrong, or was used already."];
const tooManyCodes: Said = ["RATE_LIMITED", "Too many wrong codes.", "Try again in 15 minutes."];
const noTwoFactor: Said = ["CONFLICT", "Two-factor sign-in is not on."];

type Said = readonly [code: ErrorCode, message: string, hint?: string, field?: string];

/** What better-auth says, in our words. Whatever tells whether an account exists is the same words. */
const said: Readonly<Record<string, Said>> = {
  INVALID_EMAIL_OR_PASSWORD: wrongCredentials,
  EMAIL_NOT_VERIFIED: wrongCredentials,
  INVALID_PASSWORD: ["FORBIDDEN", "The password is wrong."],
  CREDENTIAL_ACCOUNT_NOT_FOUND: [
    "FORBIDDEN",
    "This account has no password yet.",
    "Set one through POST /v1/auth/password/forgot.",
  ],
  INVALID_TOKEN: deadLink,
  TOKEN_EXPIRED: deadLink,
  USER_NOT_FOUND: deadLink,
  INVALID_CODE: wrongCode,
  INVALID_BACKUP_CODE: wrongCode,
  INVALID_TWO_FACTOR_COOKIE: startAgain,
  TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE: startAgain,
  ACCOUNT_TEMPORARILY_LOCKED: tooManyCodes,
  TOTP_ALREADY_ENABLED: ["CONFLICT", "Two-factor sign-in is on already."],
  TOTP_NOT_ENABLED: noTwoFactor,
  TWO_FACTOR_NOT_ENABLED: noTwoFactor,
  BACKUP_CODES_NOT_ENABLED: noTwoFactor,
  FAILED_TO_UNLINK_LAST_ACCOUNT: [
    "CONFLICT",
    "Without GitHub this account could not be signed in to.",
    "Set a password first, through POST /v1/auth/password/forgot.",
  ],
};

/** Anything that was thrown as the platform's error. */
export function explain(thrown: unknown): OpenWorkersError {
  if (thrown instanceof OpenWorkersError) return thrown;
  // Postgate has no connection left for us.
  if (thrown instanceof Error && "code" in thrown && thrown.code === "53300") {
    return new OpenWorkersError("OVERLOADED", "Too many people sign in at this moment.", { cause: thrown });
  }
  if (!isAuthFailure(thrown) || thrown.statusCode >= 500) {
    return new OpenWorkersError("INTERNAL", `Sign-in failed: ${messageOf(thrown)}`, { cause: thrown });
  }
  const [code, message, hint, field] = said[thrown.body.code ?? ""] ?? [
    "INVALID_INPUT",
    `${thrown.body.message ?? "The request is not valid"}.`,
    undefined,
    "",
  ];
  return new OpenWorkersError(code, message, {
    cause: thrown,
    ...(hint === undefined ? {} : { hint }),
    ...(field === undefined ? {} : { field }),
    ...(code === "RATE_LIMITED" ? { details: { retryAfterSeconds: 15 * 60 } } : {}),
  });
}

/** Whether better-auth refused with this code. */
export function isRefusal(thrown: unknown, code: string): boolean {
  return isAuthFailure(thrown) && thrown.body.code === code;
}

function isAuthFailure(thrown: unknown): thrown is Error & AuthFailure {
  return (
    thrown instanceof Error &&
    "statusCode" in thrown &&
    typeof thrown.statusCode === "number" &&
    "body" in thrown &&
    typeof thrown.body === "object" &&
    thrown.body !== null
  );
}
