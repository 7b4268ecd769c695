import { OpenWorkersError, type RequestId } from "@openworkers/core";
import { type Credential, originMayChange, requestCredential, sessionCookie } from "../../session-cookie.ts";
import { type Auth, type AuthOptions, createAuth } from "../auth.ts";
import type { IdentityDatabase } from "../database.ts";
import type { Settings } from "../environment.ts";
import { queueMail } from "../mail.ts";
import { findSession, freshSeconds, type Session } from "../sessions.ts";

export interface CallOptions {
  readonly request: Request;
  readonly settings: Settings;
  readonly database: IdentityDatabase;
  readonly requestId: RequestId;
  /** Takes work that goes on after the answer. */
  readonly pending: Promise<unknown>[];
}

/** One request: who asks, and what it is answered with. */
export class Call {
  readonly request: Request;
  readonly settings: Settings;
  readonly database: IdentityDatabase;
  readonly requestId: RequestId;
  readonly client: { readonly address: string; readonly userAgent: string };
  /** Under which of the platform's origins the caller sees this: the API's own, or the dashboard's. */
  readonly origin: string;
  readonly #credential: Credential | undefined;
  readonly #pending: Promise<unknown>[];
  #session: Session | undefined;

  constructor({ request, settings, database, requestId, pending }: CallOptions) {
    this.request = request;
    this.settings = settings;
    this.database = database;
    this.requestId = requestId;
    this.#pending = pending;
    this.#credential = requestCredential(request.headers, settings.baseUrl);
    const { host } = new URL(request.url);
    this.origin = settings.origins.find((each) => new URL(each).host === host) ?? settings.baseUrl;
    this.client = {
      // Written by the ingress, whatever the client sent.
      address: request.headers.get("cf-connecting-ip") ?? "unknown",
      userAgent: (request.headers.get("user-agent") ?? "").slice(0, 512),
    };
  }

  /** How the caller shows who they are. */
  get via(): Credential["via"] | undefined {
    return this.#credential?.via;
  }

  /** @throws OpenWorkersError FORBIDDEN when a page elsewhere has a browser send this. */
  checkOrigin(): void {
    if (originMayChange(this.request.headers, this.settings.origins, this.#credential)) return;
    throw new OpenWorkersError("FORBIDDEN", "A page of another origin cannot do this.");
  }

  /** Reads who asks. @throws OpenWorkersError UNAUTHORIZED when the request has no session. */
  async signIn(): Promise<Session> {
    const secret = this.#credential?.secret;
    if (secret?.startsWith("ow_")) {
      throw new OpenWorkersError("FORBIDDEN", "An API key cannot change how its owner signs in.", {
        hint: "Sign in with e-mail and password.",
      });
    }
    const session = secret === undefined ? undefined : await findSession(this.database, secret);
    if (session === undefined) throw new OpenWorkersError("UNAUTHORIZED", "You are not signed in.");
    this.#session = session;
    return session;
  }

  /** Whose session it is, on routes that need one. */
  get session(): Session {
    if (this.#session === undefined) throw new OpenWorkersError("UNAUTHORIZED", "You are not signed in.");
    return this.#session;
  }

  /** @throws OpenWorkersError FORBIDDEN, `details.reason` `fresh-sign-in-needed`. */
  mustBeFresh(): void {
    if (this.session.isFresh) return;
    throw new OpenWorkersError("FORBIDDEN", "This needs a sign-in of the last minutes.", {
      hint: "Sign in again, then repeat it.",
      details: { reason: "fresh-sign-in-needed", withinSeconds: freshSeconds },
    });
  }

  /** better-auth on this request's connections, or in a transaction of them. */
  auth(options: Partial<Omit<AuthOptions, "settings" | "client" | "origin">> = {}): Auth {
    const database = options.database ?? this.database;
    return createAuth({
      sendMail: (mail) => queueMail(database, this.settings, mail),
      ...options,
      database,
      settings: this.settings,
      client: this.client,
      origin: this.origin,
    });
  }

  /** What `auth.api` is given of the request: nothing of its own headers, which strangers write. */
  authHeaders(cookie?: string): Headers {
    const headers = new Headers();
    if (this.#session !== undefined) headers.set("authorization", `Bearer ${this.#session.token}`);
    if (cookie !== undefined) headers.set("cookie", cookie);
    return headers;
  }

  /** The `Set-Cookie` that gives the browser a session, or takes it away. */
  sessionCookie(token: string | null): string {
    return sessionCookie(this.settings.baseUrl, token);
  }

  /** Does something that the answer need not wait for, nor tell how long it took. */
  afterwards(what: string, work: () => Promise<unknown>): void {
    this.#pending.push(
      work().catch((thrown: unknown) => console.error(`request ${this.requestId}: ${what} failed:`, thrown)),
    );
  }
}
