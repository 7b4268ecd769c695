import { createHash, randomUUID } from "node:crypto";

export interface GithubUser {
  readonly id: number;
  readonly login: string;
  readonly emails: readonly {
    readonly email: string;
    readonly primary: boolean;
    readonly verified: boolean;
  }[];
}

interface Grant {
  readonly challenge: string;
  readonly redirectUri: string;
  readonly user: GithubUser;
}

export const clientId = "client-of-the-test";
export const clientSecret = "secret-of-the-test";

/** A server of OAuth as GitHub is one, on loopback: codes once, PKCE with S256, the client's secret, exact redirects. */
export class GithubServer implements AsyncDisposable {
  readonly #server: Bun.Server<undefined>;
  readonly #grants = new Map<string, Grant>();
  readonly #tokens = new Map<string, GithubUser>();
  /** Why it refused to give tokens, in order. */
  readonly refused: string[] = [];
  /** Who is signed in at GitHub, in the browser that comes. */
  user: GithubUser | undefined;

  constructor() {
    this.#server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => this.#answer(request) });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === "/login/oauth/authorize") return this.#authorize(url.searchParams);
    if (url.pathname === "/login/oauth/access_token") {
      return this.#token(request.headers, new URLSearchParams(await request.text()));
    }
    const user = this.#tokens.get(request.headers.get("authorization")?.replace(/^Bearer /, "") ?? "");
    if (user === undefined) return new Response(null, { status: 401 });
    const { id, login, emails } = user;
    if (url.pathname === "/api/v3/user") return Response.json({ id, login, name: null, avatar_url: null });
    if (url.pathname === "/api/v3/user/emails") return Response.json(emails);
    return new Response(null, { status: 404 });
  }

  #authorize(query: URLSearchParams): Response {
    const redirectUri = query.get("redirect_uri") ?? "";
    const back = new URL(redirectUri);
    back.searchParams.set("state", query.get("state") ?? "");
    const isWhole =
      query.get("client_id") === clientId &&
      query.get("response_type") === "code" &&
      query.get("code_challenge_method") === "S256" &&
      (query.get("state") ?? "").length >= 16;
    if (!isWhole || this.user === undefined) back.searchParams.set("error", "access_denied");
    else {
      const code = randomUUID();
      this.#grants.set(code, { challenge: query.get("code_challenge") ?? "", redirectUri, user: this.user });
      back.searchParams.set("code", code);
    }
    return Response.redirect(back.href, 302);
  }

  #token(headers: Headers, form: URLSearchParams): Response {
    const grant = this.#grants.get(form.get("code") ?? "");
    this.#grants.delete(form.get("code") ?? "");
    const basic = Buffer.from(
      headers.get("authorization")?.replace(/^Basic /, "") ?? "",
      "base64",
    ).toString();
    const [id, secret] = basic === "" ? [form.get("client_id"), form.get("client_secret")] : basic.split(":");
    const verifier = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    const wrong =
      grant === undefined
        ? "bad_verification_code"
        : id !== clientId || secret !== clientSecret
          ? "incorrect_client_credentials"
          : verifier !== grant.challenge
            ? "bad_code_verifier"
            : form.get("redirect_uri") !== grant.redirectUri
              ? "redirect_uri_mismatch"
              : undefined;
    if (grant === undefined || wrong !== undefined) {
      this.refused.push(wrong ?? "");
      return Response.json({ error: wrong });
    }
    const token = `gho_${randomUUID()}`;
    this.#tokens.set(token, grant.user);
    return Response.json({ access_token: token, token_type: "bearer", scope: "read:user,user:email" });
  }
}
