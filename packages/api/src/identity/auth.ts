import { kyselyAdapter } from "@better-auth/kysely-adapter";
import { newId, type UserId } from "@openworkers/core";
import { betterAuth } from "better-auth/minimal";
import { bearer } from "better-auth/plugins/bearer";
import { genericOAuth } from "better-auth/plugins/generic-oauth";
import { twoFactor } from "better-auth/plugins/two-factor";
import type { IdentityDatabase } from "./database.ts";
import type { Settings } from "./environment.ts";
import { githubProvider } from "./github/provider.ts";
import { hashSessionTokens } from "./hashed-sessions.ts";
import type { Mail } from "./mail.ts";
import { hashPassword, maxPasswordLength, minPasswordLength, verifyPassword } from "./passwords.ts";
import { newToken } from "./token.ts";

const day = 24 * 60 * 60;

/** How long a session lives after its last use. */
export const sessionDays = 30;

/** Seconds in which a second factor must follow a password. */
export const challengeSeconds = 10 * 60;

export interface AuthOptions {
  /** The database, or a transaction of it: then all that better-auth writes is in that transaction. */
  readonly database: IdentityDatabase;
  readonly settings: Settings;
  readonly client: { readonly address: string; readonly userAgent: string };
  /** Origin that the request came to: GitHub leads back to it, where its cookies are. */
  readonly origin: string;
  /** Queues a mail on the same database. */
  readonly sendMail: (mail: Mail) => Promise<void>;
  /** Whether whoever signs up here has proven that the e-mail is theirs, as by an invitation. */
  readonly emailIsProven?: boolean;
  /** Whether somebody unknown who comes from GitHub is made a person. */
  readonly githubMaySignUp?: boolean;
  /** Is told of a person that is made. */
  readonly onPerson?: (id: UserId) => void;
  /** Is told whose e-mail has been shown to be theirs. */
  readonly onVerified?: (id: UserId) => void;
  /** Is told who has a new password through a link. */
  readonly onPasswordReset?: (id: UserId) => void;
}

// Of GitHub's tokens we keep none: they have done what they are for when a person is known.
const noTokens = {
  accessToken: undefined,
  refreshToken: undefined,
  idToken: undefined,
  accessTokenExpiresAt: undefined,
  refreshTokenExpiresAt: undefined,
};

/** Of what better-auth says, that which is nobody's doing: refusals are answers, and audited. */
function logFault(_level: string, message: string, ...details: unknown[]): void {
  const isFault = details.some((detail) => detail instanceof Error && detail.name !== "BetterAuthError");
  if (isFault) console.error(`better-auth: ${message}`, ...details);
}

export type Auth = ReturnType<typeof createAuth>;

/**
 * better-auth over our tables, for one request: it is called by our own routes alone (`auth.api`), never reached over
 * HTTP. Its rate limits, cookies and checks of origin are off or unused, because ours stand in front.
 */
export function createAuth(options: AuthOptions) {
  const { database, settings, client } = options;
  const adapter = kyselyAdapter(database.withSchema("identity"), {
    type: "postgres",
    transaction: !database.isTransaction,
  });
  return betterAuth({
    appName: "OpenWorkers",
    secret: settings.secret,
    baseURL: options.origin,
    basePath: "/v1/auth",
    trustedOrigins: [...settings.origins],
    database: (authOptions) => hashSessionTokens(adapter(authOptions)),
    logger: { log: logFault },
    telemetry: { enabled: false },
    rateLimit: { enabled: false },
    advanced: {
      cookiePrefix: "ow",
      useSecureCookies: false,
      database: { generateId: () => newId(), validateSchema: false },
    },
    emailAndPassword: {
      enabled: true,
      requireEmailVerification: true,
      minPasswordLength,
      maxPasswordLength,
      revokeSessionsOnPasswordReset: true,
      password: { hash: hashPassword, verify: verifyPassword },
      sendResetPassword: ({ user, token }) =>
        options.sendMail({ recipient: user.email, template: "reset-password", data: { token } }),
      onPasswordReset: async ({ user }) => options.onPasswordReset?.(user.id as UserId),
      onExistingUserSignUp: ({ user }) =>
        options.sendMail({ recipient: user.email, template: "already-registered", data: {} }),
    },
    emailVerification: {
      afterEmailVerification: async ({ id }) => options.onVerified?.(id as UserId),
      sendOnSignUp: options.emailIsProven !== true,
      sendVerificationEmail: ({ user, token }) =>
        options.sendMail({ recipient: user.email, template: "verify-email", data: { token } }),
    },
    user: {
      modelName: "users",
      fields: { emailVerified: "email_verified", createdAt: "created_at", updatedAt: "updated_at" },
    },
    session: {
      modelName: "sessions",
      expiresIn: sessionDays * day,
      // `touch_session` does it, for the API's requests as well.
      disableSessionRefresh: true,
      fields: {
        userId: "user_id",
        expiresAt: "expires_at",
        ipAddress: "ip_address",
        userAgent: "user_agent",
        createdAt: "created_at",
        updatedAt: "updated_at",
      },
    },
    account: {
      modelName: "accounts",
      updateAccountOnSignIn: false,
      // An e-mail is no proof that an account of GitHub's belongs to the person who has it here.
      accountLinking: { enabled: true, disableImplicitLinking: true, allowDifferentEmails: true },
      fields: {
        userId: "user_id",
        providerId: "provider_id",
        accountId: "account_id",
        createdAt: "created_at",
        updatedAt: "updated_at",
      },
    },
    verification: {
      modelName: "verifications",
      storeIdentifier: "hashed",
      fields: { expiresAt: "expires_at", createdAt: "created_at", updatedAt: "updated_at" },
    },
    databaseHooks: {
      user: {
        create: {
          before: async (user) => ({
            data: { ...user, ...(options.emailIsProven === true ? { emailVerified: true } : {}) },
          }),
          after: async ({ id }) => options.onPerson?.(id as UserId),
        },
      },
      session: {
        create: {
          before: async () => ({
            data: {
              token: newToken("ows_"),
              ipAddress: client.address,
              userAgent: client.userAgent,
            },
          }),
        },
      },
      account: {
        create: { before: async () => ({ data: noTokens }) },
        update: { before: async () => ({ data: noTokens }) },
      },
    },
    plugins: [
      bearer(),
      twoFactor({
        issuer: "OpenWorkers",
        twoFactorCookieMaxAge: challengeSeconds,
        schema: {
          user: { fields: { twoFactorEnabled: "two_factor_enabled" } },
          twoFactor: {
            modelName: "two_factors",
            fields: {
              userId: "user_id",
              backupCodes: "backup_codes",
              failedVerificationCount: "failed_verification_count",
              lockedUntil: "locked_until",
            },
          },
        },
      }),
      genericOAuth({
        config:
          settings.github === undefined ? [] : [githubProvider(settings.github, options.githubMaySignUp)],
      }),
    ],
  });
}
