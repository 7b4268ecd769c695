import { newId, type Outcome } from "@openworkers/core";
import { rpcHost } from "../../cells/config/encode-config.ts";
import type { Verdict } from "../../cells/lease.ts";
import type { Target } from "../../cells/target.ts";
import { CellLink, type CellLinkUser } from "../cell-link.ts";
import type { IngressContext, ServiceContext } from "../context.ts";
import type { Conversation, ExchangeClient } from "../conversation.ts";
import { findHeadEnd } from "../http/head.ts";
import { internal, notStarted, serviceGone, terminated } from "../problems.ts";
import { Calls, lingerMs } from "./calls.ts";
import { failedReturn } from "./failed-return.ts";
import { MessageStream } from "./message-stream.ts";

/**
 * A cell whose version is not live any more is left when nothing was said for so long, for a stub that the caller
 * holds is not seen and ends with the connection; and after so long at the first moment without a call.
 */
const quietMs = 250;
const staleMs = 5_000;

const connect = Buffer.from(`CONNECT ${rpcHost} HTTP/1.1\r\n\r\n`, "latin1");
const connected = Buffer.from("HTTP/1.1 200 OK\r\n\r\n", "latin1");

/**
 * The calls of methods that a cell makes through one binding, all over one connection that stays. The bytes pass as
 * they are; the messages in them tell which calls are under way, for each of which there is a place in the cell.
 */
export class RpcExchange implements Conversation, CellLinkUser {
  readonly #context: IngressContext;
  readonly #service: ServiceContext;
  readonly #client: ExchangeClient;
  readonly #link: CellLink;
  readonly #calls: Calls;
  readonly #fromCaller = new MessageStream((message) => this.#calls.asked(message));
  readonly #fromCell = new MessageStream((message) => this.#calls.answered(message));
  #head: Buffer | undefined = Buffer.alloc(0);
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
    this.#calls = new Calls(context, service, this.#link);
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
    this.#calls.target = target;
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
    this.#calls.moved(0, bytes.length);
    if (!this.#client.send(bytes)) this.#link.pause();
    if (this.#staleAt !== undefined) this.#moveOn(this.#spokeAt);
  }

  tunnelFromClient(bytes: Buffer): boolean {
    if (this.#done) return true;
    if (!this.#fromCaller.push(bytes) || this.#calls.reused) {
      this.#report("A cell sent what is no call.", "malformed message");
      this.#cut();
      return true;
    }
    if (this.#refusal !== undefined) {
      this.#tell(this.#calls.drop(), this.#refusal);
      return true;
    }
    if (this.#calls.tooMany) {
      const { maxCalls } = this.#service;
      this.#end(`More than ${maxCalls} calls through this service binding at a time.`, "overloaded");
      return true;
    }
    if (this.#calls.exhausted !== undefined) {
      this.#giveUp(this.#calls.exhausted);
      return true;
    }
    this.#spokeAt = performance.now();
    this.#calls.moved(bytes.length, 0);
    return this.#link.write(bytes);
  }

  /** Answers every call with the reason, and ends soon: a caller that sees the end at once does not read the reason. */
  #giveUp(message: string): void {
    if (!this.#fromCell.between) {
      this.#end(message, "exception");
      return;
    }
    this.#link.close(false);
    this.#refusal = message;
    this.#refusedAt = performance.now() - lingerMs;
    this.#tell(this.#calls.end("exception"), message);
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
    this.#calls.check(now);
    if (this.#refusal !== undefined && now - this.#refusedAt > lingerMs) this.#end("", "canceled");
    this.#moveOn(now);
  }

  /** Lets go of a cell that has no call under way and is to have no new one: the next goes to the cell that is. */
  #moveOn(now: number): void {
    const { target } = this.#calls;
    if (this.#done || target === undefined || this.#head !== undefined) return;
    if (!this.#draining && this.#service.isLive(target)) return;
    this.#staleAt ??= now;
    if (!this.#calls.none) return;
    if (now - this.#spokeAt > quietMs || now - this.#staleAt > staleMs) this.#end("", "canceled");
  }

  /** No cell is to be had: every call ends with the reason, which the refusal of the connection would not carry. */
  #refuse(message: string): void {
    this.#refusal = message;
    this.#refusedAt = performance.now();
    this.#head = undefined;
    this.#open();
  }

  #tell(questions: readonly number[], message: string): void {
    for (const question of questions) this.#client.send(failedReturn(question, message));
  }

  /** Ends everything that is under way, with a reason when the caller can still be told one. */
  #end(message: string, outcome: Outcome): void {
    if (this.#done) return;
    const tellable = this.#head === undefined && this.#fromCell.between;
    const asked = this.#finish(outcome);
    if (tellable) {
      this.#tell(asked, message);
      this.#client.exchangeDone(false);
    } else this.#client.cut();
  }

  #cut(): void {
    this.#finish("crashed");
    this.#client.cut();
  }

  /** Returns the questions that are left without an answer. */
  #finish(outcome: Outcome): number[] {
    this.#done = true;
    const asked = this.#calls.end(outcome);
    this.#link.close(false);
    return asked;
  }

  #report(message: string, error: unknown): void {
    this.#context.report(message, { error, worker: this.#calls.target?.worker });
  }
}
