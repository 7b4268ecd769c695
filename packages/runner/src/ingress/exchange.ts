import type { Outcome, RequestId } from "@openworkers/core";
import type { AssetAnswer } from "../assets/asset-answer.ts";
import type { Verdict } from "../cells/lease.ts";
import type { Target } from "../cells/target.ts";
import type { Span } from "../tracing/span.ts";
import { nobodyThere, refusedBeforeRouting, refusedByWorker } from "./admission.ts";
import { CellLink, type CellLinkUser } from "./cell-link.ts";
import type { IngressContext } from "./context.ts";
import type { Conversation, ExchangeClient } from "./conversation.ts";
import { assetRequest, FileResponse } from "./file-response.ts";
import { encodeChunk } from "./http/chunked.ts";
import type { RequestHead } from "./http/request-head.ts";
import { invocationRecord } from "./invocation.ts";
import {
  type Answer,
  bodyBroken,
  bodyTooLarge,
  bodyTooSlow,
  internal,
  notStarted,
  terminated,
} from "./problems.ts";
import { beginRequest, requestEnd } from "./request-span.ts";
import { type RequestHeadOptions, writeRequestHead } from "./request-writer.ts";
import { type RelayEvent, ResponseRelay } from "./response-relay.ts";
import { writeAnswer } from "./response-writer.ts";
import { Tunnel } from "./tunnel.ts";

export interface ExchangeOptions extends RequestHeadOptions {
  readonly requestId: RequestId;
  /** It came from a proxy that is believed. */
  readonly trusted: boolean;
  readonly keepAlive: boolean;
}

const continueHead = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n", "latin1");
const never = Number.POSITIVE_INFINITY;

/** One request and its answer, whichever of client, cell and limits ends it; and the record of how it ended. */
export class Exchange implements CellLinkUser, Conversation {
  readonly #context: IngressContext;
  readonly #client: ExchangeClient;
  readonly #head: RequestHead;
  readonly #options: ExchangeOptions;
  readonly #link: CellLink;
  readonly #startedAt = performance.now();
  #target: Target | undefined;
  #span: Span | undefined;
  #relay: ResponseRelay;
  #firstByteDeadline = never;
  #blocked = false;
  #bodyStarted = false;
  #bodyDone: boolean;
  #continued = false;
  #retried = false;
  #tunnel: Tunnel | undefined;
  #file: FileResponse | undefined;
  #draining = false;
  /** When what has no end of its own is cut. */
  #openEndDeadline = never;
  #done = false;

  constructor(context: IngressContext, client: ExchangeClient, head: RequestHead, options: ExchangeOptions) {
    this.#context = context;
    this.#client = client;
    this.#head = head;
    this.#options = options;
    this.#bodyDone = head.bodyLength === 0;
    this.#relay = new ResponseRelay(head, options);
    this.#link = new CellLink(context, this, options.requestId, client.signal);
  }

  get bodyLimit(): number {
    return this.#target?.limits.bodyBytes ?? 0;
  }

  /** Body bytes can be taken now. */
  get wantsBody(): boolean {
    return this.#link.up && !this.#blocked && !this.#done;
  }

  /** The client has been sent the beginning of a response. */
  get begun(): boolean {
    return this.#relay.begun;
  }

  /** RFC 9110 §9.2.2, as far as the cell has said nothing yet. */
  get repeatable(): boolean {
    return idempotent.has(this.#head.method) && !this.#relay.touched && !this.#bodyStarted;
  }

  start(): void {
    const refused = refusedBeforeRouting(this.#context, this.#head);
    if (refused !== undefined) {
      this.#answer(refused, undefined);
      return;
    }
    const { hostname, target, versionKey } = this.#head;
    const resolved = this.#context.router.resolve({ hostname, target, versionKey });
    if (resolved instanceof Promise) {
      resolved.then(
        (found) => this.#routed(found),
        (thrown: unknown) => this.failed(thrown),
      );
    } else this.#routed(resolved);
  }

  #routed(target: Target | undefined): void {
    if (this.#done) return;
    if (target === undefined) {
      this.#answer(nobodyThere(this.#context, this.#head), undefined);
      return;
    }
    this.#target = target;
    this.#span = beginRequest(this.#context, target, this.#head, this.#options, this.#startedAt);
    if (target.assets !== true || this.#context.assets === undefined) {
      this.#toWorker(target);
      return;
    }
    const found = this.#context.assets.beforeWorker(target.versionId, assetRequest(this.#head));
    if (found instanceof Promise) {
      found.then(
        (answer) => this.#fromFiles(target, answer),
        (thrown: unknown) => this.failed(thrown),
      );
    } else this.#fromFiles(target, found);
  }

  #fromFiles(target: Target, answer: AssetAnswer | undefined): void {
    if (this.#done) return;
    if (answer === undefined) {
      this.#toWorker(target);
      return;
    }
    const keepAlive = this.#options.keepAlive && this.#bodyDone;
    this.#file = new FileResponse(this.#client, answer);
    this.#file.send({ requestId: this.#options.requestId, keepAlive }, (thrown) => {
      if (this.#done) return;
      if (thrown === undefined) {
        this.#finish("ok", answer.status, false);
        this.#client.exchangeDone(keepAlive);
      } else {
        this.#report("A static file could not be sent to its end.", thrown);
        this.#finish("crashed", answer.status, false);
        this.#client.cut();
      }
    });
  }

  #toWorker(target: Target): void {
    const refused = refusedByWorker(target, this.#head);
    if (refused === undefined) this.#link.open(target, this.#span);
    else this.#answer(refused, undefined);
  }

  failed(thrown: unknown): void {
    if (this.#done) return;
    const answer = notStarted(thrown);
    if (answer === internal) this.#report("A request could not be given to a worker.", thrown);
    this.#answer(answer, answer.reason ?? "crashed");
  }

  linked(): void {
    this.#restartClock();
    this.#blocked = !this.#link.write(writeRequestHead(this.#head, this.#options, this.#span));
    if (!this.#bodyDone) this.#client.pump();
  }

  /** The client may be holding its body back until it is told to go on (RFC 9110 §10.1.1). */
  bodyAwaited(): void {
    if (!this.#head.expectContinue || this.#continued || this.#bodyStarted || this.#relay.begun) return;
    this.#continued = true;
    this.#client.send(continueHead);
  }

  body(slices: readonly Uint8Array[], bytes: number, last: boolean): void {
    if (!this.#link.up || this.#done) return;
    this.#bodyStarted = true;
    this.#bodyDone = last;
    this.#restartClock();
    if (this.#head.bodyLength < 0) this.#blocked = !this.#link.write(encodeChunk(slices, bytes, last));
    else for (const slice of slices) this.#blocked = !this.#link.write(slice);
  }

  bodyBroken(): void {
    this.#refuse(bodyBroken);
  }

  bodyTooLarge(): void {
    this.#refuse(bodyTooLarge(this.bodyLimit));
  }

  bodyTooSlow(): void {
    this.#refuse(bodyTooSlow);
  }

  /** The request is at fault; the cell sees its client leave. */
  #refuse(answer: Answer): void {
    this.#answer(answer, this.#link.leased ? "canceled" : undefined);
  }

  drained(): void {
    this.#blocked = false;
    if (this.#tunnel !== undefined) this.#client.wire.resume();
    else if (!this.#bodyDone) this.#client.pump();
  }

  received(bytes: Buffer): void {
    if (this.#tunnel !== undefined) {
      this.#tunnel.fromCell(bytes);
      return;
    }
    const event = this.#relay.take(bytes);
    if (this.#relay.begun) this.#firstByteDeadline = never;
    this.#handle(event);
  }

  #handle(event: RelayEvent): void {
    switch (event.kind) {
      case "more":
        for (const bytes of event.out) if (!this.#client.send(bytes)) this.#link.pause();
        return;
      case "end":
        for (const bytes of event.out) this.#client.send(bytes);
        this.#finish("ok", this.#relay.status, event.reusable && this.#bodyDone);
        this.#client.exchangeDone(this.#relay.keepAlive);
        return;
      case "switch":
        this.#client.send(event.head);
        this.#tunnel = new Tunnel(this.#client, () => this.#link.pause());
        this.#client.openTunnel();
        if (this.#draining) this.#tunnel.goAway();
        this.#tunnel.fromCell(event.rest);
        return;
      case "exception":
        this.#answer(event.answer, event.answer.reason ?? "exception");
        return;
      case "broken":
        this.#report("A cell sent what is not an HTTP response.", event.why);
        this.#answer(terminated("crashed"), "crashed");
        return;
    }
  }

  /**
   * The ingress goes down. A WebSocket is told so between two of its frames; what may be cut is cut after a
   * while, and anything else is left to end.
   */
  drain(): void {
    this.#draining = true;
    this.#tunnel?.goAway();
  }

  broke(): void {
    this.#tunnel?.broke();
  }

  lost(verdict: Verdict | undefined): void {
    // A WebSocket whose cell lives on was closed by the worker.
    if (this.#tunnel !== undefined && verdict === undefined) {
      this.#finish("ok", this.#relay.status, false);
      this.#client.exchangeDone(false);
      return;
    }
    const { method, bodyLength } = this.#head;
    const safe = (method === "GET" || method === "HEAD") && bodyLength === 0;
    if (verdict?.culprit === false && safe && !this.#retried && !this.#relay.begun && this.#target) {
      this.#retried = true;
      this.#firstByteDeadline = never;
      this.#link.giveUp(false);
      this.#relay = new ResponseRelay(this.#head, this.#options);
      this.#link.open(this.#target, this.#span);
      return;
    }
    const reason = verdict?.culprit === true ? verdict.reason : "crashed";
    this.#answer(terminated(reason), reason);
  }

  /** The worker has had all that there is of the request so far: from now on it is the worker's time. */
  #restartClock(): void {
    if (this.#relay.begun || this.#target === undefined) return;
    this.#firstByteDeadline = performance.now() + this.#target.limits.firstByteMs;
  }

  /** Cuts what has no end of its own once the ingress has drained for long enough; called several times a second. */
  checkDrain(now: number): void {
    if (!this.#draining || (this.#tunnel === undefined && !this.#relay.openEnded)) return;
    if (this.#openEndDeadline === never) this.#openEndDeadline = now + this.#context.timeouts.goingAwayMs;
    else if (now > this.#openEndDeadline) this.#client.cut();
  }

  /** Called several times a second. */
  check(now: number): void {
    // While the worker waits for the client to send, it is the client's time that runs.
    if (!this.#bodyDone && this.wantsBody) this.#restartClock();
    else if (now > this.#firstByteDeadline) this.#answer(terminated("wall-limit"), "wall-limit");
  }

  clientDrained(): void {
    this.#file?.drained();
    this.#link.resume();
  }

  /** False when no more should be read from the client for now. */
  tunnelFromClient(bytes: Buffer): boolean {
    this.#link.renew();
    return this.#link.write(bytes);
  }

  clientGone(): void {
    // With the cell's side of a WebSocket gone first, the verdict is still to come and the record with it.
    if (this.#done || this.#tunnel?.broken) return;
    if (this.#tunnel !== undefined) this.#finish("ok", this.#relay.status, false);
    else if (this.#file !== undefined) this.#finish("canceled", this.#file.status, false);
    else this.#finish("canceled", this.#relay.begun ? this.#relay.status : clientClosedRequest, false);
  }

  /** Ends the exchange with an answer of the platform's own; when a response has begun, by cutting it off. */
  #answer(answer: Answer, outcome: Outcome | undefined): void {
    if (this.#done) return;
    const { begun, status } = this.#relay;
    this.#finish(outcome, begun ? status : answer.status, false);
    if (begun) {
      this.#client.cut();
      return;
    }
    const keepAlive = this.#options.keepAlive && this.#bodyDone;
    const { accept, method } = this.#head;
    const { requestId } = this.#options;
    this.#client.send(writeAnswer(answer, { requestId, accept, method, keepAlive }));
    this.#client.exchangeDone(keepAlive);
  }

  #report(message: string, error: unknown): void {
    const { requestId } = this.#options;
    this.#context.report(message, { error, requestId, worker: this.#target?.worker });
  }

  /** @param outcome undefined when no invocation was begun, and so none is recorded */
  #finish(outcome: Outcome | undefined, status: number, reusable: boolean): void {
    this.#done = true;
    this.#file?.stop();
    this.#link.close(reusable);
    // Read when the place is given up: only then is the bill complete.
    const { cpuMs, coldStart } = this.#link;
    this.#span?.end(...requestEnd(outcome, status, cpuMs, coldStart));
    if (outcome === undefined || this.#target === undefined) return;
    const { requestId } = this.#options;
    const wallMs = performance.now() - this.#startedAt;
    const { trigger } = this.#context;
    const end = { requestId, status, outcome, wallMs, cpuMs, coldStart, trigger } as const;
    this.#context.logs.emit(invocationRecord(this.#target, this.#head, end));
  }
}

const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/** nginx's status for a client that left before it was answered; only ever written in records. */
const clientClosedRequest = 499;
