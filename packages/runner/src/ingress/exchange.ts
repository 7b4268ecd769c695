import { type InvocationRecord, isOpenWorkersError, type Outcome, type RequestId } from "@openworkers/core";
import type { Lease } from "../cells/lease.ts";
import type { Target } from "../cells/target.ts";
import type { IngressContext } from "./context.ts";
import { encodeChunk } from "./http/chunked.ts";
import type { RequestHead } from "./http/request-head.ts";
import {
  type Answer,
  bodyTooLarge,
  knownMethods,
  methodNotSupported,
  notStarted,
  terminated,
  unknownHost,
} from "./problems.ts";
import { type RelayEvent, ResponseRelay } from "./response-relay.ts";
import { writeAnswer } from "./response-writer.ts";
import type { Origin } from "./trusted-proxies.ts";
import type { Upstream, UpstreamUser } from "./upstream.ts";
import type { Wire } from "./wire.ts";

/** What an exchange needs of the connection it answers on. */
export interface ExchangeClient {
  readonly signal: AbortSignal;
  send(bytes: Uint8Array): boolean;
  /** Body bytes are wanted again. */
  pump(): void;
  exchangeDone(keepAlive: boolean): void;
  openTunnel(): void;
  cut(): void;
  readonly wire: Pick<Wire, "pause" | "resume" | "end">;
}

export interface ExchangeOptions {
  readonly requestId: RequestId;
  readonly origin: Origin;
  readonly forwardedHost: string;
  readonly keepAlive: boolean;
}

const continueHead = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n", "latin1");

/** How long a broken connection to a cell may wait for the supervisor to say why. */
const verdictMs = 1_000;

/**
 * One request and its answer. Owns the lease, the connection to the cell and the record of the invocation,
 * and gives each up exactly once, whichever of client, cell and limits ends it.
 */
export class Exchange implements UpstreamUser {
  readonly #context: IngressContext;
  readonly #client: ExchangeClient;
  readonly #head: RequestHead;
  readonly #options: ExchangeOptions;
  readonly #startedAt = performance.now();
  #target: Target | undefined;
  #lease: Lease | undefined;
  #upstream: Upstream | undefined;
  #relay: ResponseRelay;
  #firstByteDeadline = Number.POSITIVE_INFINITY;
  #blocked = false;
  #bodyDone: boolean;
  #bodyStarted = false;
  #continued = false;
  #retried = false;
  #tunnel = false;
  #done = false;

  constructor(context: IngressContext, client: ExchangeClient, head: RequestHead, options: ExchangeOptions) {
    this.#context = context;
    this.#client = client;
    this.#head = head;
    this.#options = options;
    this.#bodyDone = head.bodyLength === 0;
    this.#relay = new ResponseRelay(head, options);
  }

  get bodyLimit(): number {
    return this.#target?.limits.bodyBytes ?? 0;
  }

  /** Body bytes can be taken now. */
  get wantsBody(): boolean {
    return this.#upstream !== undefined && !this.#blocked && !this.#done;
  }

  /** The client has been sent the beginning of a response. */
  get begun(): boolean {
    return this.#relay.begun;
  }

  start(): void {
    const { hostname, target, versionKey } = this.#head;
    const resolved = this.#context.router.resolve({ hostname, target, versionKey });
    if (resolved instanceof Promise) {
      resolved.then(
        (found) => this.#routed(found),
        (thrown: unknown) => this.#failed(thrown),
      );
    } else this.#routed(resolved);
  }

  #routed(target: Target | undefined): void {
    if (this.#done) return;
    if (target === undefined) {
      this.#answer(unknownHost(this.#head.hostname, this.#context.baseDomain), undefined);
      return;
    }
    this.#target = target;
    if (!knownMethods.has(this.#head.method)) {
      this.#answer(methodNotSupported, undefined);
      return;
    }
    if (this.#head.bodyLength > target.limits.bodyBytes) {
      this.bodyTooLarge();
      return;
    }
    this.#acquire(target);
  }

  #acquire(target: Target): void {
    const { requestId } = this.#options;
    this.#context.dispatcher.acquire(target, { requestId, signal: this.#client.signal }).then(
      (lease) => this.#leased(lease),
      (thrown: unknown) => this.#failed(thrown),
    );
  }

  #failed(thrown: unknown): void {
    if (this.#done) return;
    if (isOpenWorkersError(thrown)) {
      const answer = notStarted(thrown);
      if (answer.status === 500) this.#report("A request could not be given to a worker.", thrown);
      this.#answer(answer, answer.reason ?? "crashed");
      return;
    }
    this.#report("A request could not be given to a worker.", thrown);
    this.#answer(internal, "crashed");
  }

  #report(message: string, error: unknown): void {
    this.#context.report(message, {
      error,
      requestId: this.#options.requestId,
      worker: this.#target?.worker,
    });
  }

  #leased(lease: Lease): void {
    if (this.#done) {
      lease.release();
      return;
    }
    this.#lease = lease;
    this.#restartClock();
    const upstream = this.#context.pool.take(lease.socketPath, this);
    if (upstream !== undefined) this.#connected(upstream);
    else this.#connect(lease);
  }

  #connect(lease: Lease): void {
    this.#context.pool.connect(lease.socketPath, this, this.#client.signal).then(
      (upstream) => {
        // The client left, or the time ran out, while the connection was being made.
        if (this.#done || this.#lease !== lease) upstream.destroy();
        else this.#connected(upstream);
      },
      () => {
        if (!this.#done && this.#lease === lease) this.#cellLost(lease);
      },
    );
  }

  #connected(upstream: Upstream): void {
    this.#upstream = upstream;
    this.#blocked = !upstream.wire.write(this.#requestHead());
    if (!this.#bodyDone) this.#client.pump();
  }

  #requestHead(): Buffer {
    const { method, target, host, fields, bodyLength, hasLength, webSocket } = this.#head;
    const framing =
      bodyLength < 0
        ? "Transfer-Encoding: chunked\r\n"
        : hasLength
          ? `Content-Length: ${bodyLength}\r\n`
          : "";
    const upgrade = webSocket ? "Connection: Upgrade\r\nUpgrade: websocket\r\n" : "";
    const { origin, forwardedHost, requestId } = this.#options;
    return Buffer.from(
      `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${fields}${origin.lines}X-Forwarded-Host: ${forwardedHost}\r\nX-Request-Id: ${requestId}\r\n${framing}${upgrade}\r\n`,
      "latin1",
    );
  }

  /** The client may be holding its body back until it is told to go on (RFC 9110 §10.1.1). */
  bodyAwaited(): void {
    if (!this.#head.expectContinue || this.#continued || this.#bodyStarted || this.#relay.begun) return;
    this.#continued = true;
    this.#client.send(continueHead);
  }

  body(slices: readonly Uint8Array[], bytes: number, last: boolean): void {
    const upstream = this.#upstream;
    if (upstream === undefined || this.#done) return;
    this.#bodyStarted = true;
    this.#bodyDone = last;
    this.#restartClock();
    if (this.#head.bodyLength < 0) {
      this.#blocked = !upstream.wire.write(encodeChunk(slices, bytes, last));
    } else {
      for (const slice of slices) this.#blocked = !upstream.wire.write(slice);
    }
  }

  bodyBroken(): void {
    this.#stop({
      status: 400,
      code: "BAD_REQUEST",
      message: "The request body is not the chunked coding it claims to be.",
      hint: "Mend the request and send it on a new connection.",
    });
  }

  bodyTooLarge(): void {
    this.#stop(bodyTooLarge(this.bodyLimit));
  }

  bodyTooSlow(): void {
    this.#stop({
      status: 408,
      code: "REQUEST_TIMEOUT",
      message: "The request body did not arrive in time.",
      hint: "Send it again over a better connection.",
    });
  }

  /** The request is at fault: answer if nothing was, else cut; the cell sees its client leave. */
  #stop(answer: Answer): void {
    this.#answer(answer, this.#lease === undefined ? undefined : "canceled");
  }

  onUpstreamDrain(): void {
    this.#blocked = false;
    if (this.#tunnel) this.#client.wire.resume();
    else if (!this.#bodyDone) this.#client.pump();
  }

  onUpstreamData(bytes: Buffer): void {
    if (this.#done) return;
    if (this.#tunnel) {
      if (!this.#client.send(bytes)) this.#upstream?.wire.pause();
      return;
    }
    const event = this.#relay.take(bytes);
    this.#firstByteDeadline = this.#relay.begun ? Number.POSITIVE_INFINITY : this.#firstByteDeadline;
    this.#handle(event);
  }

  #handle(event: RelayEvent): void {
    switch (event.kind) {
      case "more":
        for (const bytes of event.out) {
          if (!this.#client.send(bytes)) this.#upstream?.wire.pause();
        }
        return;
      case "end": {
        for (const bytes of event.out) this.#client.send(bytes);
        const reusable = event.reusable && this.#bodyDone;
        this.#finish("ok", this.#relay.status, reusable);
        this.#client.exchangeDone(this.#relay.keepAlive);
        return;
      }
      case "switch":
        this.#tunnel = true;
        for (const bytes of event.out) this.#client.send(bytes);
        this.#client.openTunnel();
        return;
      case "exception":
        this.#answer(event.answer, event.answer.reason ?? "exception");
        return;
      case "broken":
        this.#report("A cell sent what is not an HTTP response.", event.why);
        this.#upstream?.destroy();
        this.#upstream = undefined;
        this.#ended("crashed", true);
        return;
    }
  }

  onUpstreamClose(): void {
    const upstream = this.#upstream;
    const lease = this.#lease;
    if (this.#done || upstream === undefined || lease === undefined) return;
    this.#upstream = undefined;
    // The client hears of a closed WebSocket at once; why it closed is for the record, and may take longer.
    if (this.#tunnel) this.#client.wire.end();
    // An idle connection that the cell closed just as it was used: nothing reached the worker.
    if (upstream.reused && !this.#relay.touched && !this.#bodyStarted && !this.#tunnel) this.#connect(lease);
    else this.#cellLost(lease);
  }

  /** The connection to the cell is gone before its time: the supervisor knows whether the cell is, and why. */
  #cellLost(lease: Lease): void {
    const timer = setTimeout(() => this.#judged(lease, undefined, true), verdictMs);
    lease.verdict().then(
      (verdict) => {
        clearTimeout(timer);
        this.#judged(lease, verdict.reason, verdict.culprit);
      },
      (thrown: unknown) => {
        clearTimeout(timer);
        this.#report("The supervisor could not say how a cell ended.", thrown);
        this.#judged(lease, undefined, true);
      },
    );
  }

  #judged(
    lease: Lease,
    reason: "cpu-limit" | "memory-limit" | "crashed" | undefined,
    culprit: boolean,
  ): void {
    if (this.#done || this.#lease !== lease) return;
    // A WebSocket whose cell lives on was closed by the worker.
    if (this.#tunnel && reason === undefined) {
      this.#finish("ok", 101, false);
      this.#client.exchangeDone(false);
      return;
    }
    this.#ended(culprit ? (reason ?? "crashed") : "crashed", culprit);
  }

  #ended(reason: "cpu-limit" | "memory-limit" | "crashed", culprit: boolean): void {
    const { method } = this.#head;
    const safe = (method === "GET" || method === "HEAD") && this.#head.bodyLength === 0;
    if (!culprit && safe && !this.#retried && !this.#relay.begun && this.#target !== undefined) {
      this.#retried = true;
      this.#giveUpCell(false);
      this.#relay = new ResponseRelay(this.#head, this.#options);
      this.#acquire(this.#target);
      return;
    }
    this.#answer(terminated(reason), reason);
  }

  /** The worker has had all that there is of the request so far: from now on it is the worker's time. */
  #restartClock(): void {
    if (this.#relay.begun || this.#target === undefined) return;
    this.#firstByteDeadline = performance.now() + this.#target.limits.firstByteMs;
  }

  /** Called several times a second. */
  check(now: number): void {
    // While the worker waits for the client to send, it is the client's time that runs.
    if (!this.#bodyDone && this.wantsBody) this.#restartClock();
    else if (now > this.#firstByteDeadline && !this.#done) {
      this.#answer(terminated("wall-limit"), "wall-limit");
    }
  }

  clientDrained(): void {
    this.#upstream?.wire.resume();
  }

  /** False when no more should be read from the client for now. */
  tunnelFromClient(bytes: Buffer): boolean {
    return this.#upstream?.wire.write(bytes) ?? true;
  }

  clientGone(): void {
    if (this.#done) return;
    if (this.#tunnel) {
      // With the cell's side closed first, the verdict is still to come and the record with it.
      if (this.#upstream !== undefined) this.#finish("ok", 101, false);
    } else this.#finish("canceled", this.#relay.begun ? this.#relay.status : clientClosedRequest, false);
  }

  /** Ends the exchange with an answer of the platform's own; when a response has begun, by cutting it off. */
  #answer(answer: Answer, outcome: Outcome | undefined): void {
    if (this.#done) return;
    const begun = this.#relay.begun;
    this.#finish(outcome, begun ? this.#relay.status : answer.status, false);
    if (begun) {
      this.#client.cut();
      return;
    }
    const keepAlive = this.#options.keepAlive && this.#bodyDone;
    const { requestId } = this.#options;
    this.#client.send(
      writeAnswer(answer, { requestId, accept: this.#head.accept, method: this.#head.method, keepAlive }),
    );
    this.#client.exchangeDone(keepAlive);
  }

  #giveUpCell(reusable: boolean): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    this.#firstByteDeadline = Number.POSITIVE_INFINITY;
    if (reusable) upstream?.release();
    else upstream?.destroy();
    this.#lease?.release();
    this.#lease = undefined;
  }

  /** @param outcome undefined when no invocation was begun, and so none is recorded */
  #finish(outcome: Outcome | undefined, status: number, reusable: boolean): void {
    this.#done = true;
    const lease = this.#lease;
    const target = this.#target;
    const cpuMs = lease?.cpuMs() ?? 0;
    this.#giveUpCell(reusable);
    if (outcome === undefined || target === undefined) return;
    const { method, hostname, target: path } = this.#head;
    const query = path.indexOf("?");
    const wallMs = performance.now() - this.#startedAt;
    const record: InvocationRecord = {
      kind: "invocation",
      trigger: "fetch",
      time: Date.now() - wallMs,
      workerId: target.workerId,
      worker: target.worker,
      versionId: target.versionId,
      version: target.version,
      requestId: this.#options.requestId,
      method,
      host: hostname,
      path: query < 0 ? path : path.slice(0, query),
      status,
      outcome,
      wallMs,
      cpuMs,
      coldStart: lease?.coldStart ?? false,
    };
    this.#context.logs.emit(record);
  }
}

/** nginx's status for a client that left before it was answered; only ever written in records. */
const clientClosedRequest = 499;

const internal: Answer = {
  status: 500,
  code: "INTERNAL",
  message: "The platform failed to run the worker.",
  hint: "Try again. The operator finds more in the runner's log, under the request id.",
};
