import { isOpenWorkersError, newId, type Outcome, type RequestId } from "@openworkers/core";
import { rpcHost } from "../../cells/config/encode-config.ts";
import type { Lease, Verdict } from "../../cells/lease.ts";
import type { Target } from "../../cells/target.ts";
import type { Span } from "../../tracing/span.ts";
import { CellLink, type CellLinkUser } from "../cell-link.ts";
import type { IngressContext, ServiceContext } from "../context.ts";
import type { Conversation, ExchangeClient } from "../conversation.ts";
import { findHeadEnd } from "../http/head.ts";
import { invocationRecord } from "../invocation.ts";
import { internal, notStarted, serviceGone, terminated } from "../problems.ts";
import { beginCall, requestEnd } from "../request-span.ts";
import { failedReturn } from "./failed-return.ts";
import { MessageStream, type RpcMessage } from "./message-stream.ts";

/** `EventDispatcher` and `JsRpcTarget` of workerd's io/worker-interface.capnp. */
const eventDispatcher = { low: 0x5ec1752d, high: 0xf2069747 };
const jsRpcTarget = { low: 0x142a9d98, high: 0xa1a96525 };

/**
 * A cell whose version is not live any more is left when nothing was said for so long, for a stub that the caller
 * holds is not seen and ends with the connection; and after so long at the first moment without a call.
 */
const quietMs = 250;
const staleMs = 5_000;

/** How long a cell counts as busy after it last sent of its own accord, as a stream does. */
const lingerMs = 1_000;

// What a stream costs either cell beside one in an HTTP body: 17.9 ms per MB to read and 5.1 to write were measured
// where the cell moves HTTP bodies for 13.8 and 1.5.
const streamCost = 2;

/** workerd asks three questions for a call: for the dispatcher, for a session, and the call itself. */
const maxQuestionsPerCall = 4;

const connect = Buffer.from(`CONNECT ${rpcHost} HTTP/1.1\r\n\r\n`, "latin1");
const connected = Buffer.from("HTTP/1.1 200 OK\r\n\r\n", "latin1");

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

/**
 * The calls of methods that a cell makes through one binding, all over one connection that stays. The bytes pass as
 * they are; the messages in them tell which calls are under way, for each of which there is a place in the cell.
 */
export class RpcExchange implements Conversation, CellLinkUser {
  readonly #context: IngressContext;
  readonly #service: ServiceContext;
  readonly #client: ExchangeClient;
  readonly #link: CellLink;
  readonly #questions = new Map<number, Question>();
  readonly #fromCaller = new MessageStream((message) => this.#asked(message));
  readonly #fromCell = new MessageStream((message) => this.#answered(message));
  #target: Target | undefined;
  #head: Buffer | undefined = Buffer.alloc(0);
  /** A question came whose number another one has, which no client of Cap'n Proto does. */
  #reused = false;
  /** Calls of methods under way. */
  #calls = 0;
  /** Sessions whose first call, which makes an invocation, is still to come. workerd sends both at once. */
  #sessions = 0;
  /** For what the cell does on its own account: it streams, or calls back. */
  #lingering: Lease | undefined;
  #lingerUntil = 0;
  /** What the last call that was refused for its caller's budget is told. */
  #exhausted: string | undefined;
  /** Why all calls are refused. */
  #refusal: string | undefined;
  #refusedAt = 0;
  #spokeAt = performance.now();
  #staleAt: number | undefined;
  #draining = false;
  #done = false;

  constructor(context: IngressContext, service: ServiceContext, client: ExchangeClient) {
    this.#context = context;
    this.#service = service;
    this.#client = client;
    this.#link = new CellLink(context, this, newId<"request">(), client.signal);
  }

  get repeatable(): boolean {
    return this.#head?.length === 0;
  }

  start(): void {
    const resolved = this.#context.router.resolve({ hostname: "", target: "/", versionKey: undefined });
    if (resolved instanceof Promise) {
      resolved.then(
        (target) => this.#routed(target),
        (thrown: unknown) => this.failed(thrown),
      );
    } else this.#routed(resolved);
  }

  #routed(target: Target | undefined): void {
    if (this.#done) return;
    this.#target = target;
    if (target === undefined) this.#refuse(serviceGone.message);
    else this.#link.open(target);
  }

  linked(): void {
    this.#link.write(connect);
  }

  failed(thrown: unknown): void {
    if (this.#done) return;
    const answer = notStarted(thrown);
    if (answer === internal) this.#report("A call could not be given to a worker.", thrown);
    this.#refuse(answer.message);
  }

  received(bytes: Buffer): void {
    if (this.#head === undefined) {
      this.#passBack(bytes);
      return;
    }
    const head = Buffer.concat([this.#head, bytes]);
    const end = findHeadEnd(head);
    this.#head = head;
    if (end < 0) return;
    if (!head.toString("latin1", 0, end).startsWith("HTTP/1.1 200 ")) {
      this.#report("A cell does not take calls.", head.toString("latin1", 0, end));
      this.#link.close(false);
      this.#refuse(internal.message);
      return;
    }
    this.#head = undefined;
    this.#link.rest();
    this.#open();
    this.#passBack(head.subarray(end));
  }

  #open(): void {
    this.#client.send(connected);
    this.#client.openTunnel();
  }

  #passBack(bytes: Buffer): void {
    if (bytes.length === 0 || this.#done) return;
    if (!this.#fromCell.push(bytes)) {
      this.#report("A cell sent what is no call.", "malformed message");
      this.#cut();
      return;
    }
    this.#spokeAt = performance.now();
    this.#moved(0, bytes.length);
    if (!this.#client.send(bytes)) this.#link.pause();
    if (this.#staleAt !== undefined) this.#moveOn(this.#spokeAt);
  }

  tunnelFromClient(bytes: Buffer): boolean {
    if (this.#done) return true;
    if (!this.#fromCaller.push(bytes) || this.#reused) {
      this.#report("A cell sent what is no call.", "malformed message");
      this.#cut();
      return true;
    }
    if (this.#refusal !== undefined) {
      this.#answerAll(this.#refusal);
      return true;
    }
    const { maxCalls } = this.#service;
    if (this.#calls > maxCalls || this.#questions.size > maxCalls * maxQuestionsPerCall) {
      this.#end(`More than ${maxCalls} calls through this service binding at a time.`, "overloaded");
      return true;
    }
    if (this.#exhausted !== undefined) {
      this.#giveUp(this.#exhausted);
      return true;
    }
    this.#spokeAt = performance.now();
    this.#moved(bytes.length, 0);
    return this.#link.write(bytes);
  }

  /** Answers every call with the reason, and ends soon: a caller that sees the end at once does not read the reason. */
  #giveUp(message: string): void {
    if (!this.#fromCell.between) {
      this.#end(message, "exception");
      return;
    }
    this.#link.close(false);
    this.#stopLingering();
    this.#refusal = message;
    this.#refusedAt = performance.now() - lingerMs;
    for (const [asked, question] of this.#questions) {
      this.#settle(question, "exception");
      this.#client.send(failedReturn(asked, message));
    }
    this.#questions.clear();
  }

  /** Counts an invocation for the request that calls. */
  #spend(): void {
    try {
      // Which of them it is cannot be seen.
      this.#service.budget.spend(undefined);
    } catch (thrown) {
      if (!isOpenWorkersError(thrown, "SUBREQUEST_LIMIT")) throw thrown;
      this.#exhausted = thrown.message;
    }
  }

  /** A message of the caller's. */
  #asked(message: RpcMessage): void {
    if (message.kind !== "bootstrap" && message.kind !== "call") return;
    if (this.#questions.has(message.question)) {
      // What would take its place would never be given back.
      this.#reused = true;
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
      if (isCall) this.#calls += 1;
      if (isFirst) this.#spend();
      const startedAt = isFirst ? performance.now() : undefined;
      const requestId = isFirst ? newId<"request">() : undefined;
      const span =
        startedAt === undefined || requestId === undefined || this.#target === undefined
          ? undefined
          : beginCall(this.#context, this.#target, requestId, startedAt);
      const lease = isCall ? this.#link.another(span) : undefined;
      this.#questions.set(message.question, { isCall, lease, startedAt, requestId, span });
    }
  }

  /** A message of the cell's. */
  #answered(message: RpcMessage): void {
    if (message.kind === "return") {
      const question = this.#questions.get(message.question);
      if (question === undefined) return;
      this.#questions.delete(message.question);
      this.#settle(question, message.failed ? "exception" : "ok");
    } else if (message.kind === "call") {
      this.#lingerUntil = performance.now() + lingerMs;
      if (this.#calls === 0) this.#lingering ??= this.#link.another();
    }
  }

  #settle({ isCall, lease, startedAt, requestId, span }: Question, outcome: Outcome): void {
    if (isCall) this.#calls -= 1;
    const cpuMs = lease?.cpuMs() ?? 0;
    span?.end(...requestEnd(outcome, 0, cpuMs, false));
    if (lease === undefined) return;
    lease.release();
    if (startedAt === undefined || requestId === undefined || this.#target === undefined) return;
    const { worker } = this.#target;
    const head = { method: "RPC", hostname: worker, target: "/" };
    const wallMs = performance.now() - startedAt;
    const status = outcome === "ok" ? 200 : 500;
    const end = { requestId, status, outcome, wallMs, cpuMs, coldStart: false, trigger: "service" } as const;
    this.#context.logs.emit(invocationRecord(this.#target, head, end));
  }

  /** Bytes earn CPU time, for whichever call they belong to. */
  #moved(read: number, written: number): void {
    // What the one reads the other has written. For the caller the connection has counted every byte once already.
    this.#service.meter.moved(written * (streamCost - 1), read * (streamCost - 1));
    this.#lingering?.moved(read * streamCost, written * streamCost);
    if (this.#calls === 0) return;
    for (const { lease } of this.#questions.values()) lease?.moved(read * streamCost, written * streamCost);
  }

  drained(): void {
    this.#client.wire.resume();
  }

  clientDrained(): void {
    this.#link.resume();
  }

  clientGone(): void {
    this.#finish("canceled");
  }

  broke(): void {}

  lost(verdict: Verdict | undefined): void {
    const reason = verdict?.reason ?? "crashed";
    this.#end(terminated(reason).message, reason);
  }

  drain(): void {
    this.#draining = true;
  }

  checkDrain(now: number): void {
    this.#moveOn(now);
  }

  check(now: number): void {
    if (this.#lingering !== undefined && now > this.#lingerUntil) this.#stopLingering();
    if (this.#refusal !== undefined && now - this.#refusedAt > lingerMs) this.#end("", "canceled");
    this.#moveOn(now);
  }

  /** Lets go of a cell that has no call under way and is to have no new one: the next goes to the cell that is. */
  #moveOn(now: number): void {
    if (this.#done || this.#target === undefined || this.#head !== undefined) return;
    if (!this.#draining && this.#service.isLive(this.#target)) return;
    this.#staleAt ??= now;
    if (this.#questions.size > 0) return;
    if (now - this.#spokeAt > quietMs || now - this.#staleAt > staleMs) this.#end("", "canceled");
  }

  /** No cell is to be had: every call ends with the reason, which the refusal of the connection would not carry. */
  #refuse(message: string): void {
    this.#refusal = message;
    this.#refusedAt = performance.now();
    this.#head = undefined;
    this.#open();
  }

  #answerAll(message: string): void {
    for (const question of this.#questions.keys()) this.#client.send(failedReturn(question, message));
    for (const { lease, span } of this.#questions.values()) {
      span?.end({}, "canceled");
      lease?.release();
    }
    this.#questions.clear();
    this.#calls = 0;
  }

  /** Ends everything that is under way, with a reason when the caller can still be told one. */
  #end(message: string, outcome: Outcome): void {
    if (this.#done) return;
    const asked = [...this.#questions.keys()];
    const tellable = this.#head === undefined && this.#fromCell.between;
    this.#finish(outcome);
    if (tellable) for (const question of asked) this.#client.send(failedReturn(question, message));
    if (tellable) this.#client.exchangeDone(false);
    else this.#client.cut();
  }

  #cut(): void {
    this.#finish("crashed");
    this.#client.cut();
  }

  #finish(outcome: Outcome): void {
    this.#done = true;
    for (const question of this.#questions.values()) this.#settle(question, outcome);
    this.#questions.clear();
    this.#stopLingering();
    this.#link.close(false);
  }

  #stopLingering(): void {
    this.#lingering?.release();
    this.#lingering = undefined;
  }

  #report(message: string, error: unknown): void {
    this.#context.report(message, { error, worker: this.#target?.worker });
  }
}

function isOf(
  message: { readonly interfaceLow: number; readonly interfaceHigh: number },
  id: { readonly low: number; readonly high: number },
): boolean {
  return message.interfaceLow === id.low && message.interfaceHigh === id.high;
}
