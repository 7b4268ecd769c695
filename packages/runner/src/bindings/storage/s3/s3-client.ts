import { once } from "node:events";
import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  request as requestHttp,
} from "node:http";
import { Agent as HttpsAgent, request as requestHttps } from "node:https";
import { isIP } from "node:net";
import { storageError } from "@openworkers/core";
import { AwsV4Signer } from "aws4fetch";
import { errorOf } from "./s3-errors.ts";

/**
 * Where to connect for an endpoint: judged and resolved at once, so that a name cannot mean one address as it is
 * judged and another as it is used.
 *
 * @throws OpenWorkersError FORBIDDEN when it may not be connected to
 */
export type JudgeEndpoint = (endpoint: URL) => Promise<{ readonly address: string }>;

export interface S3Options {
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Who says where a user's own endpoint may be; the operator's own is trusted. */
  readonly judge?: JudgeEndpoint | undefined;
  /** The certificates (PEM) that a server's may be signed by; Mozilla's without. */
  readonly authorities?: readonly string[] | undefined;
  /** How long the server may do nothing while we wait for it; 30 s unless given. */
  readonly patienceMs?: number | undefined;
}

export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Of an object; the bucket itself without. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | { readonly chunks: AsyncIterable<Uint8Array>; readonly size: number };
  readonly signal?: AbortSignal | undefined;
}

export interface S3Response {
  readonly status: number;
  readonly headers: Headers;
  /** Exactly as many bytes as the server announced, or an error. Must be read or cancelled. */
  readonly body: ReadableStream<Uint8Array>;
}

/** Connections are kept for a while, of all clients together: each is known by its address and name. */
const sharedAgents = {
  http: new HttpAgent({ keepAlive: true, maxFreeSockets: 16 }),
  https: new HttpsAgent({ keepAlive: true, maxFreeSockets: 16 }),
};

/** A failure of the connection, before anything was answered. */
class Disconnected extends Error {}

/**
 * Signed requests to one bucket of an S3 server. On `node:http`, which sends a path as it is, streams both ways
 * at the pace of the slower side, and lets us say which address a name means.
 */
export class S3Client {
  readonly #options: S3Options;
  readonly #endpoint: URL;
  readonly #signingKeys = new Map<string, ArrayBuffer>();
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(options: S3Options) {
    this.#options = options;
    this.#endpoint = new URL(options.endpoint);
  }

  /**
   * Sends a request and returns an answer that is a success.
   *
   * @throws the error that the server's answer means, or unavailable
   */
  async send(request: S3Request): Promise<S3Response> {
    const response = await this.ask(request);
    if (response.status < 300) return response;
    throw await errorOf(response);
  }

  /** As `send`, and returns any answer. @throws the error unavailable when there is none */
  async ask(request: S3Request): Promise<S3Response> {
    // A server may close an idle connection as we take it. A request that can be sent only once takes a new one.
    const once = request.body !== undefined && "chunks" in request.body;
    if (!once) {
      try {
        return await this.#exchange(request, sharedAgents);
      } catch (thrown) {
        if (!(thrown instanceof Disconnected)) throw thrown;
      }
    }
    try {
      return await this.#exchange(request, undefined);
    } catch (thrown) {
      throw thrown instanceof Disconnected ? unreachable(thrown) : thrown;
    }
  }

  /** As `send`, of an answer whose body says nothing more. */
  async tell(request: S3Request): Promise<Headers> {
    const { headers, body } = await this.send(request);
    await new Response(body).arrayBuffer();
    return headers;
  }

  /** Sends a request and returns the whole answer's text. */
  async text(request: S3Request): Promise<string> {
    const { body } = await this.send(request);
    return new Response(body).text();
  }

  /** Runs `work` when nobody else of this client works under the same name. */
  async alone<T>(name: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(name);
    const turn = Promise.withResolvers<void>();
    this.#turns.set(name, turn.promise);
    try {
      await before;
      return await work();
    } finally {
      turn.resolve();
      if (this.#turns.get(name) === turn.promise) this.#turns.delete(name);
    }
  }

  async #exchange(request: S3Request, agents: typeof sharedAgents | undefined): Promise<S3Response> {
    const url = this.#urlOf(request);
    const { headers } = await new AwsV4Signer({
      ...this.#options,
      method: request.method,
      url: url.href,
      headers: { ...request.headers },
      service: "s3",
      cache: this.#signingKeys,
    }).sign();
    const { body } = request;
    const length = body === undefined ? 0 : "chunks" in body ? body.size : body.byteLength;
    if (request.method !== "GET" && request.method !== "HEAD") headers.set("content-length", `${length}`);
    headers.set("host", url.host);
    const judged = await this.#options.judge?.(this.#endpoint);
    const hostname = url.hostname.replace(/^\[|\]$/g, "");
    const secure = url.protocol === "https:";
    const sent = (secure ? requestHttps : requestHttp)({
      // Without one, the connection is this request's alone.
      agent: agents === undefined ? false : secure ? agents.https : agents.http,
      host: judged?.address ?? hostname,
      port: url.port === "" ? undefined : Number(url.port),
      ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
      ...(this.#options.authorities === undefined ? {} : { ca: [...this.#options.authorities] }),
      method: request.method,
      path: url.pathname + url.search,
      headers: Object.fromEntries(headers),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    return new Exchange(sent, this.#options.patienceMs ?? 30_000).run(request);
  }

  #urlOf({ key, query = {} }: S3Request): URL {
    const path = [this.#options.bucket, ...(key === undefined ? [] : key.split("/"))].map(encode).join("/");
    const url = new URL(this.#endpoint);
    url.pathname = `${url.pathname.replace(/\/$/, "")}/${path}`;
    url.search = Object.entries(query)
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .join("&");
    return url;
  }
}

/** RFC 3986, as the signature wants it. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** One request and its answer, each step of which the server has only so long for. */
class Exchange {
  readonly #sent: ClientRequest;
  readonly #patienceMs: number;
  #failure: Error | undefined;

  constructor(sent: ClientRequest, patienceMs: number) {
    this.#sent = sent;
    this.#patienceMs = patienceMs;
  }

  async run({ method, body }: S3Request): Promise<S3Response> {
    const sent = this.#sent;
    const answered = Promise.withResolvers<IncomingMessage>();
    let answer: IncomingMessage | undefined;
    sent.on("response", (message) => {
      answer = message;
      answered.resolve(message);
    });
    sent.on("error", (cause) => answered.reject(this.#failure ?? new Disconnected(cause.message, { cause })));
    sent.on("close", () => answered.reject(this.#failure ?? new Disconnected("the connection was closed")));
    // Whoever sends a body waits elsewhere for a while.
    answered.promise.catch(() => {});
    try {
      if (body !== undefined && "chunks" in body) {
        for await (const chunk of body.chunks) {
          // It says no, or is gone, before it has heard everything.
          if (answer !== undefined || sent.destroyed) break;
          if (!sent.write(chunk)) {
            await this.#patiently(Promise.race([once(sent, "drain"), answered.promise]));
          }
        }
      } else if (body !== undefined) {
        sent.write(body);
      }
      if (answer === undefined) sent.end();
      const message = await this.#patiently(answered.promise);
      return {
        status: message.statusCode ?? 0,
        headers: headersOf(message),
        body: this.#bodyOf(message, method),
      };
    } catch (thrown) {
      sent.destroy();
      throw thrown;
    }
  }

  #bodyOf(message: IncomingMessage, method: string): ReadableStream<Uint8Array> {
    const announced = message.headers["content-length"];
    const length = method === "HEAD" ? 0 : announced === undefined ? undefined : Number(announced);
    const chunks: AsyncIterator<Uint8Array<ArrayBuffer>> = message[Symbol.asyncIterator]();
    const leave = () => void this.#sent.destroy();
    let received = 0;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          try {
            const { done, value } = await this.#patiently(chunks.next());
            if (done !== true) {
              received += value.byteLength;
              return controller.enqueue(value);
            }
          } catch (cause) {
            leave();
            throw (
              this.#failure ?? storageError("unavailable", "The S3 server broke off its answer.", { cause })
            );
          }
          if (length !== undefined && received !== length) {
            throw storageError("unavailable", "The S3 server broke off its answer.");
          }
          controller.close();
        },
        cancel: leave,
      },
      { highWaterMark: 0 },
    );
  }

  async #patiently<T>(promise: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.#failure = storageError(
        "unavailable",
        `The S3 server did nothing for ${this.#patienceMs / 1_000} seconds.`,
      );
      this.#sent.destroy(this.#failure);
      expired.reject(this.#failure);
    }, this.#patienceMs);
    const expired = Promise.withResolvers<never>();
    try {
      return await Promise.race([promise, expired.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function headersOf(message: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers)) {
    for (const each of Array.isArray(value) ? value : [value])
      if (each !== undefined) headers.append(name, each);
  }
  return headers;
}

function unreachable(cause: Error): Error {
  return storageError("unavailable", "The S3 server cannot be reached, or broke off the connection.", {
    cause,
  });
}
