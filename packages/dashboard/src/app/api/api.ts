import { Injectable } from "@angular/core";
import { ApiClient } from "@openworkers/client";
import { codeOf } from "./failure.ts";

/** Where UNAUTHORIZED is said of a password or a code, not of the session. */
const ofCredentials = /^\/v1\/auth\/(sign-in|two-factor\/confirm)/;

/**
 * The platform's API, on this page's own origin: the dashboard's worker hands `/v1` on.
 *
 * @example
 * private readonly client = inject(Api);
 * const { items } = await this.client.data(this.client.api.GET("/v1/workers", { params: { query: { limit: 20 } } }));
 */
@Injectable({ providedIn: "root" })
export class Api extends ApiClient {
  /** Is told that the API knows the session no more. */
  refused: () => void = () => {};

  constructor() {
    super({ url: location.origin });
  }

  override async send(request: Request): Promise<Response> {
    try {
      return await super.send(request);
    } catch (thrown) {
      const { pathname } = new URL(request.url);
      if (codeOf(thrown) === "UNAUTHORIZED" && !ofCredentials.test(pathname)) this.refused();
      throw thrown;
    }
  }

  /** For a route that is in no OpenAPI document. The answer's JSON, or undefined when it has none. @throws ApiError */
  async ask<Answer>(
    method: "GET" | "POST" | "PATCH" | "DELETE",
    path: string,
    body?: unknown,
  ): Promise<Answer> {
    const init =
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const text = await (await this.fetch(path, { method, ...init })).text();
    return (text === "" ? undefined : JSON.parse(text)) as Answer;
  }
}
