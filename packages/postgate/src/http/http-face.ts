import { isOpenWorkersError, OpenWorkersError } from "@openworkers/core";
import type { Server } from "bun";
import type { PostgateEvent } from "../events.ts";
import { listenFailure } from "../listen-failure.ts";
import type { Principal, TenantDirectory } from "../tenant.ts";
import { FailedLogins } from "./failed-logins.ts";
import { failureAnswer } from "./failure-answer.ts";
import { maxBodyBytes } from "./read-body.ts";

export interface HttpFaceOptions {
  /** Loopback unless given. */
  readonly hostname?: string;
  /** A free one unless given. */
  readonly port?: number;
  readonly directory: TenantDirectory;
  /** Answers a call whose principal is known. */
  readonly answer: (principal: Principal, request: Request) => Promise<Response>;
  readonly onEvent: (event: PostgateEvent) => void;
}

/**
 * The query protocol over HTTP, for whoever holds a token: `POST /query` with `Authorization: Bearer <token>`, and
 * `GET /health`. It speaks in the clear: beyond this machine, a proxy with TLS belongs in front.
 */
export class HttpFace implements AsyncDisposable {
  readonly #options: HttpFaceOptions;
  readonly #logins = new FailedLogins();
  readonly #server: Server<undefined>;

  private constructor(options: HttpFaceOptions) {
    this.#options = options;
    this.#server = Bun.serve({
      hostname: options.hostname ?? "127.0.0.1",
      port: options.port ?? 0,
      // A little above what we refuse ourselves, with words.
      maxRequestBodySize: maxBodyBytes + 2 ** 20,
      // For whoever is slow to send; a statement may run for longer.
      idleTimeout: 60,
      fetch: (request, server) => this.#fetch(request, server),
      error: (error) => this.#failed(error),
    });
  }

  /** @throws OpenWorkersError PORT_IN_USE, CONFIG_INVALID */
  static listen(options: HttpFaceOptions): HttpFace {
    try {
      return new HttpFace(options);
    } catch (cause) {
      throw listenFailure(cause, options.hostname ?? "127.0.0.1", options.port ?? 0, "OW_POSTGATE_HTTP_PORT");
    }
  }

  get url(): string {
    return this.#server.url.href;
  }

  async #fetch(request: Request, server: Server<undefined>): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/health") return Response.json({ ok: true });
    if (pathname !== "/query") {
      return failureAnswer(new OpenWorkersError("NOT_FOUND", "There is /query, and /health."));
    }
    if (request.method !== "POST") {
      const refused = failureAnswer(new OpenWorkersError("INVALID_INPUT", "Queries are sent with POST."));
      return new Response(refused.body, { status: 405, headers: { ...refused.headers, allow: "POST" } });
    }
    const address = server.requestIP(request)?.address ?? "";
    try {
      const principal = await this.#principal(request, address);
      server.timeout(request, 0);
      return await this.#options.answer(principal, request);
    } catch (thrown) {
      return this.#failed(thrown);
    }
  }

  async #principal(request: Request, address: string): Promise<Principal> {
    if (this.#logins.blocked(address)) {
      throw new OpenWorkersError("OVERLOADED", "Too many logins from this address failed.", {
        hint: "Wait a moment.",
      });
    }
    const [, token] = /^bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    try {
      if (token === undefined) {
        throw new OpenWorkersError("UNAUTHORIZED", "A token is missing.", {
          hint: "Send it as `Authorization: Bearer <token>`.",
        });
      }
      return await this.#options.directory.authenticate(token);
    } catch (thrown) {
      if (isOpenWorkersError(thrown, "UNAUTHORIZED")) {
        this.#options.onEvent({ kind: "login-failed", address });
        using _ = this.#logins.keepBack(address);
        await Bun.sleep(this.#logins.fail(address));
        throw thrown;
      }
      throw lookupFailure(thrown);
    }
  }

  #failed(thrown: unknown): Response {
    if (!isOpenWorkersError(thrown)) this.#options.onEvent({ kind: "internal-error", error: thrown });
    return failureAnswer(thrown);
  }

  /** Takes no further call, and ends connections that wait for none; `[Symbol.asyncDispose]` ends the others. */
  async drain(): Promise<void> {
    await this.#server.stop(false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }
}

/** What a caller is told when the directory cannot be asked: its own words name the platform's database. */
export function lookupFailure(thrown: unknown): unknown {
  if (!isOpenWorkersError(thrown, "DATABASE_UNAVAILABLE")) return thrown;
  return new OpenWorkersError("DATABASE_UNAVAILABLE", "The database cannot be looked up now.", {
    cause: thrown,
    hint: "Try again later.",
  });
}
