// Runs in the worker's own isolate, before its modules: takes the events that are no requests from the runner and gives
// them to the worker's handlers. The worker can tamper with it, and misleads the runner about its own events alone.

import { WorkerEntrypoint } from "cloudflare:workers";

const { apply, defineProperty, getOwnPropertyDescriptor } = Reflect;
const { Response: OurResponse, Promise: OurPromise, Date: OurDate, Uint8Array: OurBytes } = globalThis;
const { parse, stringify } = JSON;
const uncurry = (method) => Function.prototype.call.bind(method);
const bufferOf = uncurry(Request.prototype.arrayBuffer);
const part = uncurry(Uint8Array.prototype.subarray);
const copied = uncurry(Uint8Array.prototype.slice);
const getHeader = uncurry(Headers.prototype.get);
// Compatibility dates before 2022-01-31 put properties on the instance.
const headersGetter = getOwnPropertyDescriptor(Request.prototype, "headers")?.get;
const headersOf = headersGetter === undefined ? (request) => request.headers : uncurry(headersGetter);
const decode = TextDecoder.prototype.decode.bind(new TextDecoder("utf-8", { ignoreBOM: true }));

const isClass = (value) => typeof value === "function" && value.prototype instanceof WorkerEntrypoint;

function readOnly(object, name, value) {
  defineProperty(object, name, { __proto__: null, configurable: true, enumerable: true, value });
}

/** workerd takes an `int` here. */
function delayOf(options) {
  const seconds = options?.delaySeconds;
  return seconds === undefined ? undefined : seconds | 0;
}

/** What `scheduled()` is given. */
class ScheduledController {
  #state;

  constructor({ cron, scheduledTime }, state) {
    this.#state = state;
    readOnly(this, "cron", cron);
    readOnly(this, "scheduledTime", scheduledTime);
    readOnly(this, "type", "scheduled");
  }

  noRetry() {
    this.#state.noRetry = true;
  }
}

function bodyOf(contentType, bytes) {
  if (contentType === "text") return decode(bytes);
  if (contentType === "json") return parse(decode(bytes));
  // A buffer of its own, as in workerd: not one that it shares with the other messages.
  return copied(bytes);
}

// Who may overrule whom, and what is warned of, is workerd's api/queue.c++.
class Message {
  #decision;
  #state;
  #warn;

  constructor({ id, sentAt, attempts, contentType }, bytes, decision, state, warn) {
    this.#decision = decision;
    this.#state = state;
    this.#warn = warn;
    readOnly(this, "id", id);
    readOnly(this, "timestamp", new OurDate(sentAt));
    readOnly(this, "body", bodyOf(contentType, bytes));
    readOnly(this, "attempts", attempts);
  }

  ack() {
    if (this.#state.ackAll) return;
    if (this.#state.retryAll) this.#ignored("ack()", "retryAll()");
    else if (this.#decision.retry) this.#ignored("ack()", "retry()");
    else this.#decision.ack = true;
  }

  retry(options) {
    if (this.#state.ackAll) this.#ignored("retry()", "ackAll()");
    else if (this.#decision.ack) this.#ignored("retry()", "ack()");
    else {
      this.#decision.retry = true;
      this.#decision.delaySeconds = delayOf(options) ?? this.#decision.delaySeconds;
    }
  }

  #ignored(call, earlier) {
    const { id } = this.#decision;
    this.#warn(`${call} on the message ${id} has no effect: ${earlier} was called before.`);
  }
}

class MessageBatch {
  #state;
  #warn;

  constructor({ queue, metrics }, messages, state, warn) {
    this.#state = state;
    this.#warn = warn;
    readOnly(this, "queue", queue);
    readOnly(this, "messages", messages);
    const oldest = metrics.oldestMessageTimestamp;
    const dated = oldest === undefined ? {} : { oldestMessageTimestamp: new OurDate(oldest) };
    readOnly(this, "metadata", { metrics: { ...metrics, ...dated } });
  }

  ackAll() {
    if (this.#state.retryAll) this.#warn("ackAll() has no effect: retryAll() was called before.");
    else this.#state.ackAll = true;
  }

  retryAll(options) {
    if (this.#state.ackAll) {
      this.#warn("retryAll() has no effect: ackAll() was called before.");
      return;
    }
    this.#state.retryAll = true;
    this.#state.delaySeconds = delayOf(options) ?? this.#state.delaySeconds;
  }
}

function batchOf(head, bytes, state, warn) {
  const messages = [];
  const decisions = [];
  state.decisions = decisions;
  let at = 0;
  for (let index = 0; index < head.messages.length; index++) {
    const described = head.messages[index];
    const decision = { id: described.id, ack: false, retry: false, delaySeconds: undefined };
    const body = part(bytes, at, at + described.bytes);
    at += described.bytes;
    decisions[index] = decision;
    messages[index] = new Message(described, body, decision, state, warn);
  }
  return new MessageBatch(head, messages, state, warn);
}

/**
 * An entrypoint that hands events to the handlers of `target`.
 *
 * @param target the worker's default export
 * @param tools of the modules beside this one
 */
export function eventsOf(target, { enter, report, warn, setWork, summaryOf }) {
  /** Waits for all that the handler gives to `waitUntil`; what fails there fails the event, as in workerd. */
  function follow(ctx, state) {
    let pending = 0;
    let wake;
    const fail = (thrown) => {
      report(thrown);
      state.error ??= summaryOf(thrown);
    };
    setWork(ctx, async (promise) => {
      pending++;
      try {
        await promise;
      } catch (thrown) {
        fail(thrown);
      }
      pending--;
      if (pending === 0) wake?.();
    });
    const done = async () => {
      while (pending > 0) {
        await new OurPromise((resolve) => {
          wake = resolve;
        });
      }
    };
    return { fail, done };
  }

  async function run(request, env, ctx) {
    const state = { error: undefined, noRetry: false, ackAll: false, retryAll: false, decisions: [] };
    const bytes = new OurBytes(await bufferOf(request));
    const headBytes = +getHeader(headersOf(request), "x-ow-event");
    const head = parse(decode(part(bytes, 0, headBytes)));
    const { fail, done } = follow(ctx, state);
    try {
      // workerd gives a class what it gives others as arguments when it makes the instance.
      const self = isClass(target) ? new target(ctx, env) : target;
      const handler = self[head.type];
      if (typeof handler !== "function") {
        return new OurResponse(stringify({ ...state, outcome: "no-handler", decisions: [] }));
      }
      const event =
        head.type === "queue"
          ? batchOf(head, part(bytes, headBytes), state, warn)
          : new ScheduledController(head, state);
      await apply(handler, self, isClass(target) ? [event] : [event, env, ctx]);
    } catch (thrown) {
      fail(thrown);
    }
    await done();
    return new OurResponse(stringify({ ...state, outcome: state.error === undefined ? "ok" : "exception" }));
  }

  return class Events extends WorkerEntrypoint {
    fetch(request) {
      return enter(run, request, this.env, this.ctx);
    }
  };
}
