import { newId, type RequestId, Wire, type WireOwner } from "@openworkers/core";
import { schemeHeader } from "../cells/cell.ts";
import { rpcHost } from "../cells/config/encode-config.ts";
import { BodyPace } from "./body-pace.ts";
import type { IngressContext, ServiceContext } from "./context.ts";
import type { Conversation, ExchangeClient } from "./conversation.ts";
import { Exchange } from "./exchange.ts";
import { BodyReader } from "./http/body-reader.ts";
import { depthHeader } from "./http/field.ts";
import { findHeadEnd, maxHeadBytes } from "./http/head.ts";
import { isRefusal, type Refusal, refusal } from "./http/refusal.ts";
import { parseRequestHead, type RequestHead } from "./http/request-head.ts";
import { terminated } from "./problems.ts";
import type { RequestHeadOptions } from "./request-writer.ts";
import { writeAnswer } from "./response-writer.ts";
import { RpcExchange } from "./rpc/rpc-exchange.ts";
import { directOrigin, forwardedOrigin, normaliseAddress, type Origin } from "./trusted-proxies.ts";

type Phase = "head" | "body" | "response" | "tunnel" | "closing" | "closed";

const trustedRequestId = /^[A-Za-z0-9._-]{1,128}$/;

/**
 * A client's connection: cuts its bytes into requests, runs one exchange at a time, and holds the client to
 * the time-outs. Bytes are read no faster than they are wanted: what was read and not yet used is in `#inbox`,
 * and while that holds something nobody wants, the socket is paused.
 */
export class ClientConnection implements WireOwner, ExchangeClient {
  readonly wire: Wire;
  readonly #context: IngressContext;
  readonly #onGone: (connection: ClientConnection) => void;
  #phase: Phase = "head";
  #inbox: Buffer | undefined;
  #pumping = false;
  #exchange: Conversation | undefined;
  /** The exchange, while it has a body to be given. */
  #taker: Exchange | undefined;
  #body: BodyReader | undefined;
  #pace: BodyPace | undefined;
  #draining = false;
  #deadline: number;
  #idleSince = 0;
  #writtenAtCheck = 0;
  #stalledSince = 0;
  #abort: AbortController | undefined;
  #peer: string | undefined;
  #trusted = false;
  #direct: Origin | undefined;

  constructor(context: IngressContext, onGone: (connection: ClientConnection) => void) {
    this.#context = context;
    this.#onGone = onGone;
    this.wire = new Wire(this);
    this.#deadline = performance.now() + context.timeouts.headMs;
  }

  /** Aborts when the client is gone. One for all requests on this connection: they end with it. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  onData(bytes: Buffer): void {
    this.#context.service?.meter.moved(0, bytes.length);
    if (this.#phase === "tunnel") {
      if (this.#exchange?.tunnelFromClient(bytes) === false) this.wire.pause();
      return;
    }
    // Read and dropped, so that the answer is not lost to a reset (RFC 9112 §9.6).
    if (this.#phase === "closing") return;
    this.#inbox = this.#inbox === undefined ? bytes : Buffer.concat([this.#inbox, bytes]);
    this.pump();
  }

  onDrain(): void {
    if (this.#exchange !== undefined) this.#exchange.clientDrained();
    else this.pump();
  }

  onFault(error: unknown): void {
    this.#context.report("A client's connection failed.", { error });
  }

  onClose(): void {
    if (this.#phase === "closed") return;
    this.#phase = "closed";
    this.#inbox = undefined;
    const exchange = this.#exchange;
    this.#exchange = undefined;
    this.#taker = undefined;
    exchange?.clientGone();
    this.#abort?.abort();
    this.#onGone(this);
  }

  /** Uses what has been read as far as it is wanted now. */
  pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    try {
      while (this.#step());
    } finally {
      this.#pumping = false;
    }
  }

  /** Whether there may be more to do. */
  #step(): boolean {
    switch (this.#phase) {
      case "head":
        // The answer before must be on its way first, or a client that only sends would make them pile up.
        if (this.wire.blocked) return this.#wait(false);
        return this.#inbox === undefined ? this.#wait(true) : this.#readHead(this.#inbox);
      case "body":
        if (this.#taker?.wantsBody !== true) return this.#wait(this.#inbox === undefined);
        if (this.#inbox !== undefined) return this.#readBody(this.#inbox);
        this.#taker.bodyAwaited();
        return this.#wait(true);
      case "response":
        // Reading goes on while nothing comes: only a reader hears that the client has left.
        return this.#wait(this.#inbox === undefined);
      default:
        return false;
    }
  }

  #wait(reading: boolean): false {
    if (reading) this.wire.resume();
    else this.wire.pause();
    return false;
  }

  #readHead(inbox: Buffer): boolean {
    let from = 0;
    // A robust server reads past empty lines before a request line (RFC 9112 §2.2).
    while (inbox[from] === 13 && inbox[from + 1] === 10) from += 2;
    const bytes = from === 0 ? inbox : inbox.subarray(from);
    if (bytes.length === 0) {
      this.#inbox = undefined;
      return true;
    }
    const end = findHeadEnd(bytes);
    if (end === -2) return this.#refuse(refusal(400, "A line of the request ends without CR."));
    if (end > maxHeadBytes || (end < 0 && bytes.length > maxHeadBytes)) {
      return this.#refuse(refusal(431, `The request's head is larger than ${maxHeadBytes} bytes.`));
    }
    if (end < 0) {
      this.#inbox = bytes;
      // From idle to reading: the first byte of a head starts its clock, later ones do not move it.
      if (this.#deadline === idle) this.#deadline = performance.now() + this.#context.timeouts.headMs;
      return this.#wait(true);
    }
    const text = bytes.toString("latin1", 0, end);
    this.#inbox = end === bytes.length ? undefined : bytes.subarray(end);
    if (this.#context.service !== undefined && text.startsWith(rpcStart)) {
      this.#beginRpc(this.#context.service);
      return true;
    }
    const head = parseRequestHead(text, this.#context.service === undefined ? "client" : "service");
    if (isRefusal(head)) return this.#refuse(head);
    this.#begin(head);
    return true;
  }

  #begin(head: RequestHead): void {
    if (head.bodyLength !== 0) {
      this.#body = new BodyReader(head.bodyLength);
      this.#pace = new BodyPace(this.#context.timeouts.bodyMs, performance.now());
    }
    this.#phase = head.bodyLength === 0 ? "response" : "body";
    this.#deadline = none;
    const isService = this.#context.service !== undefined;
    const trusted = !isService && this.#isTrusted() && this.#context.trigger === "fetch";
    const given =
      (trusted || isService) && head.requestId !== undefined && trustedRequestId.test(head.requestId);
    const exchange = new Exchange(this.#context, this, head, {
      requestId: given ? (head.requestId as RequestId) : newId<"request">(),
      trusted,
      ...(isService ? serviceOrigin(head) : this.#originOf(head, trusted)),
      keepAlive: head.keepAlive && head.minor === 1 && !this.#draining,
    });
    this.#taker = head.bodyLength === 0 ? undefined : exchange;
    this.#run(exchange);
  }

  #beginRpc(service: ServiceContext): void {
    this.#phase = "response";
    this.#deadline = none;
    this.#run(new RpcExchange(this.#context, service, this));
  }

  #run(exchange: Conversation): void {
    this.#exchange = exchange;
    if (this.#draining) exchange.drain();
    exchange.start();
  }

  #originOf(head: RequestHead, trusted: boolean): Pick<RequestHeadOptions, "origin" | "forwardedHost"> {
    return {
      origin: trusted
        ? forwardedOrigin(this.#peer ?? "", head, this.#context.proxies)
        : (this.#direct ?? directOrigin(this.#peer ?? "")),
      forwardedHost: trusted ? (head.forwardedHost ?? head.host) : head.host,
    };
  }

  #isTrusted(): boolean {
    if (this.#peer === undefined) {
      // A Unix socket has no address: whoever is behind it is on this machine.
      this.#peer = normaliseAddress(this.wire.remoteAddress) || "127.0.0.1";
      this.#trusted = this.#context.proxies.includes(this.#peer);
      this.#direct = directOrigin(this.#peer);
    }
    return this.#trusted;
  }

  #readBody(inbox: Buffer): boolean {
    const exchange = this.#taker;
    const body = this.#body;
    if (exchange === undefined || body === undefined) return false;
    this.#pace?.progress();
    const { slices, bytes, rest } = body.read(inbox);
    this.#inbox = rest;
    if (body.broken) exchange.bodyBroken();
    else if (body.total > exchange.bodyLimit) exchange.bodyTooLarge();
    else {
      if (body.done) this.#phase = "response";
      exchange.body(slices, bytes, body.done);
    }
    return true;
  }

  #refuse(refused: Refusal): false {
    const answer = {
      status: refused.status,
      code: "BAD_REQUEST",
      message: refused.message,
      hint: "Nothing was forwarded to a worker. Mend the request and send it on a new connection.",
    };
    const requestId = newId<"request">();
    this.wire.write(writeAnswer(answer, { requestId, accept: undefined, method: "GET", keepAlive: false }));
    this.#close();
    return false;
  }

  /** Too many connections: an answer of its own, and no exchange. */
  turnAway(): void {
    const options = { requestId: newId<"request">(), accept: undefined, method: "GET", keepAlive: false };
    this.wire.write(writeAnswer(terminated("overloaded", 1), options));
    this.#close();
  }

  send(bytes: Uint8Array): boolean {
    this.#context.service?.meter.moved(bytes.length, 0);
    return this.wire.write(bytes);
  }

  /** The response is written. The request body may not be: then nobody knows where the next request begins. */
  exchangeDone(keepAlive: boolean): void {
    this.#exchange = undefined;
    this.#taker = undefined;
    if (this.#phase === "closed" || this.#phase === "closing") return;
    if (!keepAlive || this.#draining || this.#phase !== "response") {
      this.#close();
      return;
    }
    this.#phase = "head";
    this.#deadline = this.#inbox === undefined ? idle : performance.now() + this.#context.timeouts.headMs;
    this.#idleSince = performance.now();
    this.pump();
  }

  openTunnel(): void {
    this.#phase = "tunnel";
    const early = this.#inbox;
    this.#inbox = undefined;
    if (early !== undefined && this.#exchange?.tunnelFromClient(early) === false) this.wire.pause();
    else this.wire.resume();
  }

  /** Cuts the connection so that a half-sent response cannot be taken for a whole one. */
  cut(): void {
    this.wire.terminate();
    this.onClose();
  }

  /** Says that the exchange is over and nothing more will come, and waits a little for the client to agree. */
  #close(): void {
    this.#phase = "closing";
    this.#inbox = undefined;
    this.#deadline = performance.now() + this.#context.timeouts.lingerMs;
    this.wire.resume();
    this.wire.end();
  }

  /** Ends the connection when it is idle, or else after the exchange that is under way. */
  drain(): void {
    this.#draining = true;
    if (this.#phase === "head" && this.#inbox === undefined) this.#close();
    else this.#exchange?.drain();
  }

  /** Enforces the time-outs; called several times a second. */
  check(now: number): void {
    const { timeouts } = this.#context;
    // First, because a client that does not read is no reason to wait for it.
    if (this.#draining) this.#exchange?.checkDrain(now);
    if (this.#phase === "closed") return;
    if (this.wire.blocked) {
      if (this.wire.written !== this.#writtenAtCheck || this.#stalledSince === 0) {
        this.#writtenAtCheck = this.wire.written;
        this.#stalledSince = now;
        if (this.#phase === "closing") this.#deadline = now + timeouts.lingerMs;
      } else if (now - this.#stalledSince > timeouts.writeMs) this.cut();
      return;
    }
    this.#stalledSince = 0;
    this.#exchange?.check(now);
    if (this.#phase === "head") {
      if (this.#deadline === idle) {
        if (now - this.#idleSince > timeouts.idleMs) this.#close();
      } else if (now > this.#deadline) this.#headTooLate();
    } else if (this.#phase === "closing") {
      // The kernel still has the end of the answer for a slow reader: it must not be reset away.
      if (now > this.#deadline) this.#leave();
    } else if (this.#phase === "body") {
      const { begun = false, wantsBody = false } = this.#taker ?? {};
      if (!wantsBody) this.#pace?.skip(now);
      else if (this.#pace?.tooSlow(now, this.#body?.total ?? 0, begun)) this.#taker?.bodyTooSlow();
    }
  }

  #leave(): void {
    this.wire.close();
    this.onClose();
  }

  #headTooLate(): void {
    if (this.#inbox === undefined) this.#close();
    else this.#refuse(refusal(408, "The request's head did not arrive in time."));
  }
}

/** How workerd begins to call methods; any other CONNECT (`env.OTHER.connect()`) is refused as a client's is. */
const rpcStart = `CONNECT ${rpcHost} HTTP/1.1\r\n`;

/** A call through a binding has what its caller gave it, and its place in the chain of calls. */
function serviceOrigin({ scheme, depth }: RequestHead): Pick<RequestHeadOptions, "origin"> {
  const proto = scheme === "https" ? "https" : "http";
  return { origin: { lines: `${schemeHeader}: ${proto}\r\n${depthHeader}: ${depth + 1}\r\n` } };
}

/** No deadline runs. */
const none = Number.POSITIVE_INFINITY;
/** Only the time-out between requests runs. */
const idle = Number.NEGATIVE_INFINITY;
