import { isOpenWorkersError, newId, type Outcome, type RequestId } from "@openworkers/core";
import type { Lease } from "../../cells/lease.ts";
import type { Target } from "../../cells/target.ts";
import type { Span } from "../../tracing/span.ts";
import type { CellLink } from "../cell-link.ts";
import type { IngressContext, ServiceContext } from "../context.ts";
import { invocationRecord } from "../invocation.ts";
import { beginCall, requestEnd } from "../request-span.ts";
import type { RpcMessage } from "./message-stream.ts";

/** `EventDispatcher` and `JsRpcTarget` of workerd's io/worker-interface.capnp. */
const eventDispatcher = { low: 0x5ec1752d, high: 0xf2069747 };
const jsRpcTarget = { low: 0x142a9d98, high: 0xa1a96525 };

/** How long a cell counts as busy after it last sent of its own accord, as a stream does. */
export const lingerMs = 1_000;

// What a stream costs either cell beside one in an HTTP body: 17.9 ms per MB to read and 5.1 to write were measured
// where the cell moves HTTP bodies for 13.8 and 1.5.
const streamCost = 2;

/** workerd asks three questions for a call: for the dispatcher, for a session, and the call itself. */
const maxQuestionsPerCall = 4;

/** A question of the caller's that is not answered yet. */
interface Question {
  /** It calls a method; everything else is about to be answered. */
  readonly isCall: boolean;
  /** The place in the cell of a call of a method; none when the cell is about to end. */
  readonly lease: Lease | undefined;
  /** Absent for calls within an invocation. */
  readonly startedAt: number | undefined;
  readonly requestId: RequestId | undefined;
  readonly span: Span | undefined;
}

/** The calls under way on one connection, told from its messages: for each a place in the cell, and a record at its end. */
export class Calls {
  readonly #context: IngressContext;
  readonly #service: ServiceContext;
  readonly #link: CellLink;
  readonly #questions = new Map<number, Question>();
  /** Calls of methods under way. */
  #count = 0;
  /** Sessions whose first call, which makes an invocation, is still to come. workerd sends both at once. */
  #sessions = 0;
  /** For what the cell does on its own account: it streams, or calls back. */
  #lingering: Lease | undefined;
  #lingerUntil = 0;
  /** Whose they are, once that is known. */
  target: Target | undefined;
  /** A question came whose number another one has, which no client of Cap'n Proto does. */
  reused = false;
  /** What the last call that was refused for its caller's budget is told. */
  exhausted: string | undefined;

  constructor(context: IngressContext, service: ServiceContext, link: CellLink) {
    this.#context = context;
    this.#service = service;
    this.#link = link;
  }

  get none(): boolean {
    return this.#questions.size === 0;
  }

  /** More are under way than may be. */
  get tooMany(): boolean {
    const { maxCalls } = this.#service;
    return this.#count > maxCalls || this.#questions.size > maxCalls * maxQuestionsPerCall;
  }

  /** A message of the caller's. */
  asked(message: RpcMessage): void {
    if (message.kind !== "bootstrap" && message.kind !== "call") return;
    if (this.#questions.has(message.question)) {
      // What would take its place would never be given back.
      this.reused = true;
      return;
    }
    if (message.kind === "bootstrap") {
      this.#questions.set(message.question, {
        ...{ isCall: false, lease: undefined, startedAt: undefined, requestId: undefined, span: undefined },
      });
    } else {
      const isCall = isOf(message, jsRpcTarget);
      const isFirst = isCall && this.#sessions > 0;
      if (isOf(message, eventDispatcher)) this.#sessions += 1;
      if (isFirst) this.#sessions -= 1;
      if (isCall) this.#count += 1;
      if (isFirst) this.#spend();
      const startedAt = isFirst ? performance.now() : undefined;
      const requestId = isFirst ? newId<"request">() : undefined;
      const span =
        startedAt === undefined || requestId === undefined || this.target === undefined
          ? undefined
          : beginCall(this.#context, this.target, requestId, startedAt);
      const lease = isCall ? this.#link.another(span) : undefined;
      this.#questions.set(message.question, { isCall, lease, startedAt, requestId, span });
    }
  }

  /** A message of the cell's. */
  answered(message: RpcMessage): void {
    if (message.kind === "return") {
      const question = this.#questions.get(message.question);
      if (question === undefined) return;
      this.#questions.delete(message.question);
      this.#settle(question, message.failed ? "exception" : "ok");
    } else if (message.kind === "call") {
      this.#lingerUntil = performance.now() + lingerMs;
      if (this.#count === 0) this.#lingering ??= this.#link.another();
    }
  }

  /** Bytes earn CPU time, for whichever call they belong to. */
  moved(read: number, written: number): void {
    // What the one reads the other has written. For the caller the connection has counted every byte once already.
    this.#service.meter.moved(written * (streamCost - 1), read * (streamCost - 1));
    this.#lingering?.moved(read * streamCost, written * streamCost);
    if (this.#count === 0) return;
    for (const { lease } of this.#questions.values()) lease?.moved(read * streamCost, written * streamCost);
  }

  /** Ends all of them; returns the numbers of the questions that were not answered. */
  end(outcome: Outcome): number[] {
    const asked = [...this.#questions.keys()];
    for (const question of this.#questions.values()) this.#settle(question, outcome);
    this.#questions.clear();
    this.#stopLingering();
    return asked;
  }

  /** As `end`, of calls that no cell was there for: none is recorded. */
  drop(): number[] {
    const asked = [...this.#questions.keys()];
    for (const { lease, span } of this.#questions.values()) {
      span?.end({}, "canceled");
      lease?.release();
    }
    this.#questions.clear();
    this.#count = 0;
    return asked;
  }

  /** Called several times a second. */
  check(now: number): void {
    if (this.#lingering !== undefined && now > this.#lingerUntil) this.#stopLingering();
  }

  /** Counts an invocation for the request that calls. */
  #spend(): void {
    try {
      // Which of them it is cannot be seen.
      this.#service.budget.spend(undefined);
    } catch (thrown) {
      if (!isOpenWorkersError(thrown, "SUBREQUEST_LIMIT")) throw thrown;
      this.exhausted = thrown.message;
    }
  }

  #stopLingering(): void {
    this.#lingering?.release();
    this.#lingering = undefined;
  }

  #settle({ isCall, lease, startedAt, requestId, span }: Question, outcome: Outcome): void {
    if (isCall) this.#count -= 1;
    lease?.release();
    const cpuMs = lease?.cpuMs() ?? 0;
    span?.end(...requestEnd(outcome, 0, cpuMs, false));
    if (lease === undefined) return;
    if (startedAt === undefined || requestId === undefined || this.target === undefined) return;
    const { worker } = this.target;
    const head = { method: "RPC", hostname: worker, target: "/" };
    const wallMs = performance.now() - startedAt;
    const status = outcome === "ok" ? 200 : 500;
    const end = { requestId, status, outcome, wallMs, cpuMs, coldStart: false, trigger: "service" } as const;
    this.#context.logs.emit(invocationRecord(this.target, head, end));
  }
}

function isOf(
  message: { readonly interfaceLow: number; readonly interfaceHigh: number },
  id: { readonly low: number; readonly high: number },
): boolean {
  return message.interfaceLow === id.low && message.interfaceHigh === id.high;
}
