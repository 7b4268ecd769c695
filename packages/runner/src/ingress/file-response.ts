import type { VersionId } from "@openworkers/core";
import type { AssetAnswer } from "../assets/asset-answer.ts";
import type { AssetRequest } from "../assets/asset-server.ts";
import type { RequestHead } from "./http/request-head.ts";
import { date } from "./response-writer.ts";

/** Where the ingress gets answers from that need no cell. */
export interface StaticFiles {
  /** undefined when it is the worker's to answer. A promise only when something must be read first. */
  beforeWorker(
    versionId: VersionId,
    request: AssetRequest,
  ): AssetAnswer | undefined | Promise<AssetAnswer | undefined>;
}

const asked = /^(accept-encoding|if-none-match|if-range|range|sec-fetch-mode):[ \t]*(.*)$/gim;

/** What a request says that files are chosen by. */
export function assetRequest(head: RequestHead): AssetRequest {
  const { method, hostname, host, target, fields, webSocket } = head;
  const said = new Map<string, string>();
  for (const [, name = "", value = ""] of fields.matchAll(asked)) {
    const lower = name.toLowerCase();
    const before = said.get(lower);
    // `.` stops before the CR.
    said.set(lower, before === undefined ? value.trim() : `${before}, ${value.trim()}`);
  }
  return {
    method,
    hostname,
    host,
    target,
    webSocket,
    navigates: said.get("sec-fetch-mode") === "navigate",
    acceptEncoding: said.get("accept-encoding"),
    ifNoneMatch: said.get("if-none-match"),
    range: said.get("range"),
    ifRange: said.get("if-range"),
  };
}

/** Up to here head and body are copied into one: a second write costs more than the copy. */
const joinedBytes = 64 * 1024;

/** An answer made of files on its way to a client. */
export class FileResponse {
  readonly #client: { send(bytes: Uint8Array): boolean };
  readonly #answer: AssetAnswer;
  #wake: (() => void) | undefined;
  #stopped = false;

  constructor(client: { send(bytes: Uint8Array): boolean }, answer: AssetAnswer) {
    this.#client = client;
    this.#answer = answer;
  }

  get status(): number {
    return this.#answer.status;
  }

  /** @param done told once, when all of it is written, or what kept it from being */
  send(
    { requestId, keepAlive }: { readonly requestId: string; readonly keepAlive: boolean },
    done: (thrown?: unknown) => void,
  ): void {
    const { head, body } = this.#answer;
    const text = `${head}${date()}X-Request-Id: ${requestId}\r\n${keepAlive ? "" : "Connection: close\r\n"}\r\n`;
    if (body instanceof Uint8Array && body.length <= joinedBytes) {
      const bytes = Buffer.allocUnsafe(text.length + body.length);
      bytes.write(text, 0, "latin1");
      bytes.set(body, text.length);
      this.#client.send(bytes);
      done();
      return;
    }
    this.#client.send(Buffer.from(text, "latin1"));
    if (body === undefined || body instanceof Uint8Array) {
      if (body !== undefined) this.#client.send(body);
      done();
      return;
    }
    this.#stream(body).then(
      () => done(),
      (thrown: unknown) => done(thrown),
    );
  }

  /** What was written is with the client. */
  drained(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  stop(): void {
    this.#stopped = true;
    this.drained();
  }

  async #stream(pieces: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const piece of pieces) {
      if (this.#stopped) return;
      if (!this.#client.send(piece)) await new Promise<void>((resolve) => (this.#wake = resolve));
      if (this.#stopped) return;
    }
  }
}
