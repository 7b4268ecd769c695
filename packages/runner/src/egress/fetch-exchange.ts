import { OpenWorkersError } from "@openworkers/core";
import { BodyReader } from "../ingress/http/body-reader.ts";
import { encodeChunk } from "../ingress/http/chunked.ts";
import type { Upstream, UpstreamUser } from "../ingress/upstream.ts";
import type { Place } from "../subrequests/places.ts";
import type { Span } from "../tracing/span.ts";
import type { CellEgress } from "./cell-egress.ts";
import type { CellExchange, ExchangeHost } from "./exchange.ts";
import { beginFetch } from "./fetch-span.ts";
import { OriginRelay } from "./http/origin-relay.ts";
import { type FetchRequest, writeRequestHead } from "./http/proxy-request.ts";
import { platformFault, tellable, writeRefusal } from "./refusal.ts";
import { Stall } from "./stall.ts";
import { Tunnel } from "./tunnel.ts";

/** Methods that may be sent again when a kept connection turns out to have been closed (RFC 9110 §9.2.2). */
const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"]);

/** Of a request that was answered before it was whole: what is read past before its connection is given up. */
const maxUnwantedBytes = 16 * 2 ** 20;

/** One `fetch` of a worker: a request out, its response back. */
export class FetchExchange implements CellExchange, UpstreamUser {
  readonly #cell: CellEgress;
  readonly #host: ExchangeHost;
  readonly #request: FetchRequest;
  readonly #key: string;
  readonly #stop = new AbortController();
  readonly #body: BodyReader;
  /** The request's bytes that came before there was a connection. */
  #early: Uint8Array[] = [];
  #upstream: Upstream | undefined;
  #relay: OriginRelay;
  #place: Place | undefined;
  #span: Span | undefined;
  /** The cell has the whole response. */
  #answered = false;
  #unwantedBytes = 0;
  /** Bytes have moved since the last `check`. */
  #moved = true;
  #silentSince = 0;
  readonly #stall: Stall;

  constructor(cell: CellEgress, host: ExchangeHost, request: FetchRequest) {
    this.#cell = cell;
    this.#host = host;
    this.#request = request;
    this.#key = `${request.tls ? "https" : "http"}://${request.authority}`;
    this.#body = new BodyReader(request.bodyLength);
    this.#relay = new OriginRelay(request);
    const { lookMs, silenceMs } = cell.context;
    this.#stall = new Stall({ lookMs, overMs: silenceMs });
    this.#open().catch((thrown: unknown) => this.#failed(thrown));
  }

  fromCell(bytes: Buffer): void {
    this.#moved = true;
    const { slices, bytes: count, rest } = this.#body.read(bytes);
    if (this.#body.broken || rest !== undefined) {
      this.#cut();
      return;
    }
    if (this.#answered) this.#pass(count);
    else if (this.#request.bodyLength >= 0) for (const slice of slices) this.#send(slice);
    else this.#send(encodeChunk(slices, count, this.#body.done));
  }

  cellDrained(): void {
    this.#upstream?.wire.resume();
  }

  // Clients of HTTP do not say so and wait on: it has left.
  cellEnded(): void {
    this.#cut();
  }

  check(now: number): void {
    const { silenceMs } = this.#cell.context;
    const stall = this.#upstream === undefined ? "wait" : this.#stall.check(now, this.#upstream.wire);
    if (stall === "look") this.#host.wire.resume();
    if (stall === "over") this.#cut();
    else if (this.#moved || this.#upstream === undefined) this.#silentSince = now;
    else if (now - this.#silentSince > silenceMs) {
      if (this.#relay.begun) this.#cut();
      else this.#failed(this.#failure(`nothing has come for ${silenceMs / 1_000} s`));
    }
    this.#moved = false;
  }

  close(): void {
    this.#stop.abort(new Error("The cell has left."));
    this.#endSpan("canceled");
    this.#place?.[Symbol.dispose]();
    this.#upstream?.destroy();
    this.#upstream = undefined;
  }

  onUpstreamData(bytes: Buffer): void {
    this.#moved = true;
    const event = this.#relay.take(bytes);
    if (this.#relay.begun) {
      this.#place?.[Symbol.dispose]();
      this.#endSpan();
    }
    switch (event.kind) {
      case "more":
        this.#answer(event.out);
        return;
      case "end":
        this.#answer(event.out);
        this.#finish(event.reusable);
        return;
      case "switch":
        this.#switch(event.head, event.rest);
        return;
      case "broken":
        if (this.#relay.begun) this.#cut();
        else this.#failed(this.#failure(event.why));
        return;
    }
  }

  onUpstreamDrain(): void {
    this.#host.wire.resume();
  }

  onUpstreamClose(): void {
    const upstream = this.#upstream;
    // Before it was handed over: `#connect` sees that it is closed.
    if (upstream === undefined) return;
    this.#upstream = undefined;
    this.#lost(upstream.reused);
  }

  async #open(): Promise<void> {
    const { signal } = this.#stop;
    const { budget } = this.#cell.grant();
    this.#span = beginFetch(budget, this.#request);
    const place = await budget.enter(this.#request.requestId, signal);
    this.#place = place;
    if (signal.aborted) place[Symbol.dispose]();
    else await this.#connect(true);
  }

  async #connect(reuse: boolean): Promise<void> {
    const { host, port, tls } = this.#request;
    const { narrow } = this.#host;
    // A connection that was wide once has the window that it grew to.
    const kept = reuse && !narrow ? this.#cell.reuse(this.#key, this) : undefined;
    const wanted = { host, port, tls, narrow, via: "fetch" } as const;
    const upstream = kept ?? (await this.#cell.connect(this.#key, wanted, this, this.#stop.signal));
    if (this.#stop.signal.aborted) {
      upstream.destroy();
      return;
    }
    if (upstream.wire.closed) {
      this.#lost(false);
      return;
    }
    this.#upstream = upstream;
    upstream.wire.write(writeRequestHead(this.#request, this.#span));
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) upstream.wire.write(bytes);
    if (!upstream.wire.blocked) this.#host.wire.resume();
  }

  #send(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#upstream === undefined) this.#early.push(bytes);
    else if (this.#upstream.wire.write(bytes)) return;
    this.#host.wire.pause();
  }

  #answer(out: readonly Uint8Array[]): void {
    for (const bytes of out) if (!this.#host.send(bytes)) this.#upstream?.wire.pause();
  }

  #switch(head: Uint8Array, rest: Buffer): void {
    const upstream = this.#upstream;
    if (upstream === undefined) return;
    this.#upstream = undefined;
    this.#host.wire.write(head);
    const tunnel = new Tunnel(this.#host, upstream, this.#stall);
    this.#host.hand(tunnel);
    if (rest.length > 0) tunnel.onUpstreamData(rest);
  }

  #finish(reusable: boolean): void {
    const upstream = this.#upstream;
    this.#upstream = undefined;
    if (reusable && this.#body.done && !this.#host.narrow) upstream?.release();
    else upstream?.destroy();
    this.#answered = true;
    this.#early = [];
    this.#host.wire.resume();
    if (this.#body.done) this.#host.exchangeDone();
  }

  /** Reads past what is left of a request that has its response. */
  #pass(count: number): void {
    this.#unwantedBytes += count;
    if (this.#body.done) this.#host.exchangeDone();
    else if (this.#unwantedBytes > maxUnwantedBytes) this.#cut();
  }

  /** The connection ended before its time, or with the body that it delimits. */
  #lost(reused: boolean): void {
    const { method, bodyLength } = this.#request;
    if (reused && !this.#relay.touched && bodyLength === 0 && idempotent.has(method)) {
      this.#connect(false).catch((thrown: unknown) => this.#failed(thrown));
      return;
    }
    const rest = this.#relay.end();
    if (rest !== undefined) {
      this.#answer(rest);
      this.#finish(false);
    } else if (this.#relay.begun) this.#cut();
    else this.#failed(this.#failure("it closed the connection without an answer"));
  }

  #failure(why: string): OpenWorkersError {
    return new OpenWorkersError("EGRESS_FAILED", `The request to ${this.#request.host} failed: ${why}.`);
  }

  #failed(thrown: unknown): void {
    if (this.#stop.signal.aborted) return;
    const error = tellable(thrown);
    this.#endSpan((error ?? platformFault).code);
    if (error === undefined) this.#cell.context.report("A worker's request failed.", { error: thrown });
    // A WebSocket's error event has no words at all.
    if (this.#request.webSocket) this.#cell.warn((error ?? platformFault).message);
    this.#place?.[Symbol.dispose]();
    this.#host.wire.write(writeRefusal(error ?? platformFault, false));
    this.#finish(false);
  }

  /** What is recorded ends where the response begins. */
  #endSpan(error?: string): void {
    const span = this.#span;
    this.#span = undefined;
    const { status } = this.#relay;
    if (error !== undefined) span?.end({}, error);
    else span?.end({ "http.response.status_code": status }, status >= 400 ? String(status) : undefined);
  }

  /** Ends both sides: the cell must not take what it has for the whole. */
  #cut(): void {
    this.close();
    this.#host.wire.terminate();
  }
}
