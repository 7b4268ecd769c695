import createOpenApiClient, { type Client, defaultPathSerializer } from "openapi-fetch";
import { ApiError, errorOf } from "./errors.ts";
import type { paths } from "./generated/api.ts";
import { type Fetch, withRetries } from "./retry.ts";

export interface ClientOptions {
  /** Of the platform's API, without `/v1`: `https://api.example.com`. */
  readonly url: string;
  /** An API key or a session's token; without one the browser's cookie is sent. */
  readonly token?: string;
  /** Sends the requests, instead of the global `fetch`. */
  readonly fetch?: Fetch;
  /** How often a request that may be repeated is sent at most. Default 3. */
  readonly attempts?: number;
}

/** Of an answer of `openapi-fetch`, what it holds when it is none of failure. */
type DataOf<Answer> = Answer extends { readonly data: infer Data; readonly error?: never } ? Data : never;

/**
 * The platform's API, typed by its OpenAPI document. What is not a success is thrown as an `ApiError`.
 *
 * @example
 * const client = createClient({ url: "https://api.example.com", token: "ow_…" });
 * const worker = await client.data(client.api.GET("/v1/workers/{worker}", { params: { path: { worker: "hello" } } }));
 */
export class ApiClient {
  /** Without a slash at its end. */
  readonly url: string;
  readonly api: Client<paths>;
  readonly #fetch: Fetch;
  readonly #token: string | undefined;

  constructor({ url, token, fetch = (request) => globalThis.fetch(request), attempts = 3 }: ClientOptions) {
    this.url = url.replace(/\/+$/, "");
    this.#token = token;
    this.#fetch = withRetries(fetch, { attempts, firstMs: 200 });
    this.api = createOpenApiClient<paths>({
      baseUrl: this.url,
      fetch: (request) => this.send(request),
      pathSerializer: pathOf,
      ...(token === undefined ? { credentials: "include" } : {}),
    });
  }

  /** The data of an answer: `await client.data(client.api.GET("/v1/workers"))`. */
  async data<Answer extends { readonly data?: unknown }>(answer: Promise<Answer>): Promise<DataOf<Answer>> {
    // Whatever is no success has been thrown by `send`.
    return (await answer).data as DataOf<Answer>;
  }

  /**
   * Sends a request that the document cannot type, as one with a stream for its body.
   *
   * @throws ApiError
   */
  async send(request: Request): Promise<Response> {
    if (this.#token !== undefined) request.headers.set("authorization", `Bearer ${this.#token}`);
    const response = await this.#fetch(request);
    if (response.ok || response.status === 304) return response;
    throw await errorOf(response);
  }

  /** As `send`, for a path from `/v1` on. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return await this.send(new Request(this.url + path, init));
  }
}

/** @throws ApiError INVALID_INPUT for what would lead to another path than its own */
function pathOf(path: string, params: Record<string, unknown>): string {
  for (const [name, value] of Object.entries(params)) {
    // A URL loses such a segment, however it is encoded (URL Standard §4.4).
    if (typeof value === "string" && /^\.{0,2}$/.test(value)) {
      throw new ApiError("INVALID_INPUT", `"${value}" is no ${name}.`, { httpStatus: 0 });
    }
  }
  return defaultPathSerializer(path, params);
}

export function createClient(options: ClientOptions): ApiClient {
  return new ApiClient(options);
}

/** Headers of a request that is to happen once however often it is sent; such are sent again when they fail. */
export function once(): { readonly "idempotency-key": string } {
  return { "idempotency-key": crypto.randomUUID() };
}
