// Runs in the worker's own isolate, before its modules: attributes console lines and exceptions to requests.
// The worker can tamper with all of it and harms only its own logs; no limit and no secret depends on it.
// What is used per request is taken here, so that a worker that overwrites built-ins breaks nothing of ours.

import { env as bindings, WorkerEntrypoint } from "cloudflare:workers";
import { AsyncLocalStorage } from "node:async_hooks";
import { takeWaitUntil } from "openworkers:wait-until";

const { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const { create, isExtensible } = Object;
const {
  Response: OurResponse,
  Promise: OurPromise,
  Error: OurError,
  TypeError: OurTypeError,
  setTimeout: startTimer,
  clearTimeout: stopTimer,
} = globalThis;
const stringify = JSON.stringify;
const uncurry = (method) => Function.prototype.call.bind(method);
const then = uncurry(OurPromise.prototype.then);
const race = OurPromise.race.bind(OurPromise);
const resolved = OurPromise.resolve.bind(OurPromise);
const getHeader = uncurry(Headers.prototype.get);
// Compatibility dates before 2022-01-31 put properties on the instance.
const headersGetter = getOwnPropertyDescriptor(Request.prototype, "headers")?.get;
const headersOf = headersGetter === undefined ? (request) => request.headers : uncurry(headersGetter);

/**
 * What runs, for as long as anything of it does. Not the request itself: workerd's objects are taken apart in V8's pauses,
 * and one that is held by an async context takes twice the time there (docs/decisions/006-cell-memory.md).
 */
class Running {
  /** Of the request; "" for another event. */
  id;
  /** How many requests from worker to worker led to it; null for none. */
  depth;
  /** What it may still ask of others: `wrapFetch`. */
  account = undefined;
  /** What takes the work that an event waits for. */
  work = undefined;

  constructor(id, depth) {
    this.id = id;
    this.depth = depth;
  }
}

const runs = new AsyncLocalStorage();
/** What runs, undefined outside of any event. */
export const current = runs.getStore.bind(runs);
const enter = runs.run.bind(runs);

let readsDepth = false;

/** Has `depth` read, too: reading a header is most of what is done for a request here. */
export function readDepth() {
  readsDepth = true;
}

function runningOf(request) {
  const headers = headersOf(request);
  return new Running(
    getHeader(headers, "x-request-id") ?? "",
    readsDepth ? getHeader(headers, "x-ow-depth") : null,
  );
}

const currentId = () => current()?.id;

// Record separators (ASCII) that the runner's log reader looks for at the start of a message.
const lineMark = "\x1e";
const exceptionMark = "\x1d";

// No iterators and no array methods from here on: they are the worker's to break.
function shifted(first, values) {
  const all = [first];
  for (let index = 0; index < values.length; index++) all[index + 1] = values[index];
  return all;
}

const originals = { __proto__: null };
for (const level of ["debug", "error", "info", "log", "trace", "warn"]) {
  const original = console[level];
  originals[level] = original.bind(console);
  console[level] = {
    [level](...values) {
      const id = currentId();
      if (id === undefined) return apply(original, this, values);
      // A format string stays the first argument, so that its %s still count.
      if (typeof values[0] === "string") values[0] = `${lineMark}${id}${lineMark}${values[0]}`;
      else values = shifted(`${lineMark}${id}${lineMark}${exceptionMark}`, values);
      return apply(original, this, values);
    },
  }[level];
}

/** Tells the worker's author of something in the name of the event that runs. */
function warn(message) {
  originals.warn(`${lineMark}${currentId() ?? ""}${lineMark}${message}`);
}

// From the module beside this one, whose name only the runner knows.
let exceptionText;

export function describeWith(given) {
  exceptionText = given;
}

function report(thrown) {
  originals.error(exceptionMark + exceptionText(currentId(), thrown));
}

// What no handler of the worker's awaits.
globalThis.addEventListener("unhandledrejection", (event) => report(event.reason));
globalThis.addEventListener("error", (event) => report(event.error));

// workerd drops what these callbacks throw: it fires no event and prints nothing. Those of `queueMicrotask` and of
// events it does tell of.
for (const name of ["setTimeout", "setInterval", "setImmediate"]) {
  const original = globalThis[name];
  if (typeof original !== "function") continue;
  const wrapped = {
    [name](...values) {
      const callback = values[0];
      // What is not callable is the original's to refuse, or to ignore.
      if (typeof callback === "function") {
        values[0] = function (...given) {
          try {
            return apply(callback, this, given);
          } catch (thrown) {
            report(thrown);
            throw thrown;
          }
        };
      }
      return apply(original, this, values);
    },
  }[name];
  // Its length too, and whatever else a runtime puts on it.
  for (const key of ownKeys(original)) {
    if (key !== "prototype") defineProperty(wrapped, key, getOwnPropertyDescriptor(original, key));
  }
  // In its own place, which is a prototype of the global object or the object itself.
  let holder = globalThis;
  while (getOwnPropertyDescriptor(holder, name) === undefined) holder = getPrototypeOf(holder);
  const { enumerable } = getOwnPropertyDescriptor(holder, name);
  defineProperty(holder, name, { configurable: true, enumerable, writable: true, value: wrapped });
}

let backgroundMs = 0;

// By the context of an event: what takes the work that it is to wait for.
const works = new WeakMap();
const workOf = works.get.bind(works);
const addWork = works.set.bind(works);

/** Gives a promise to what waits for it: an event's own count, or workerd, for as long as a request's work may go on. */
function wait(work, promise, waitUntil) {
  if (work !== undefined) {
    work(promise);
    return undefined;
  }
  let timer;
  const deadline = new OurPromise((resolve) => {
    timer = startTimer(resolve, backgroundMs);
  });
  const done = then(
    race([promise, deadline]),
    () => stopTimer(timer),
    (thrown) => {
      stopTimer(timer);
      report(thrown);
    },
  );
  return waitUntil(done);
}

// That of `cloudflare:workers`. Outside of any event it is workerd's to refuse.
takeWaitUntil((promise, waitUntil) => {
  const running = current();
  return running === undefined ? waitUntil(promise) : wait(running.work, promise, waitUntil);
});

// `waitUntil` is on the prototype that all contexts share; there is no other way to it than through one.
let patchedContext;
function boundWaitUntil(context) {
  const prototype = context === undefined || context === null ? undefined : getPrototypeOf(context);
  if (prototype === patchedContext || prototype === undefined) return;
  patchedContext = prototype;
  const original = prototype?.waitUntil;
  if (typeof original !== "function") return;
  defineProperty(prototype, "waitUntil", {
    __proto__: null,
    configurable: true,
    enumerable: true,
    writable: true,
    value: function waitUntil(promise) {
      return wait(workOf(this), promise, (work) => apply(original, this, [work]));
    },
  });
}

/** What the entrypoint for events needs of this module. */
export const eventTools = {
  enter: (run, request, env, ctx) => enter(runningOf(request), run, request, env, ctx),
  report,
  warn,
  setWork(context, work) {
    boundWaitUntil(context);
    addWork(context, work);
    current().work = work;
  },
};

function failedFetch(thrown) {
  report(thrown);
  return new OurResponse(null, { status: 500, headers: { "x-ow-exception": "1" } });
}

function failedEvent(thrown) {
  report(thrown);
  throw thrown;
}

// workerd answers what is not a Response with a bare 500 and tells nobody: its author must hear of it.
function checkedResponse(result) {
  if (result instanceof OurResponse) return result;
  const what = result === null ? "null" : typeof result;
  const error = new OurTypeError(`The fetch handler's result is no Response (its type: ${what}).`);
  // The stack would name our modules alone.
  error.stack = `TypeError: ${error.message}`;
  return failedFetch(error);
}

const unchecked = (result) => result;
const isThenable = (value) => isObject(value) && typeof value.then === "function";

function call(handler, self, values, checked, failed) {
  let result;
  try {
    result = apply(handler, self, values);
    // A thenable of the worker's own, or a stub's: what it becomes is asked only now.
    if (!(result instanceof OurPromise) && isThenable(result)) result = resolved(result);
  } catch (thrown) {
    return failed(thrown);
  }
  return result instanceof OurPromise ? then(result, checked, failed) : checked(result);
}

const pieces = uncurry(String.prototype.split);

/**
 * Whether nobody of the worker's called the wrapped handler that asks. Events come by way of the entrypoint for them,
 * within a request; what comes without one is another worker's call of a method, to which workerd leads through
 * bindings, as if a handler were one.
 */
function isCalledFromOutside() {
  const { stackTraceLimit } = OurError;
  OurError.stackTraceLimit = 3;
  const { stack } = new OurError();
  OurError.stackTraceLimit = stackTraceLimit;
  // The error itself, this function and the handler.
  return typeof stack === "string" && pieces(stack, "\n    at ").length <= 3;
}

function wrapHandler(name, handler) {
  const isFetch = name === "fetch";
  const isEvent = name === "scheduled" || name === "queue";
  const failed = isFetch ? failedFetch : failedEvent;
  return {
    [name](...values) {
      // The worker calls its own handler: its exceptions are its own to catch.
      if (current() !== undefined) return apply(handler, this, values);
      if (isEvent && isCalledFromOutside()) {
        throw new OurTypeError(`The RPC receiver does not implement the method "${name}".`);
      }
      boundWaitUntil(values.length > 2 ? values[2] : this?.ctx);
      const checked = isFetch ? checkedResponse : unchecked;
      return enter(
        isFetch ? runningOf(values[0]) : new Running("", null),
        call,
        handler,
        this,
        values,
        checked,
        failed,
      );
    },
  }[name];
}

// What workerd calls on a default export or an entrypoint class when an event arrives.
const events = ["fetch", "scheduled", "queue", "email", "tail", "trace", "tailStream", "test"];

const noFetch = () => new OurResponse(null, { status: 501, headers: { "x-ow-exception": "1" } });

function find(target, name) {
  for (let at = target; at !== null && at !== undefined; at = getPrototypeOf(at)) {
    const descriptor = getOwnPropertyDescriptor(at, name);
    if (descriptor !== undefined) return descriptor;
  }
  return undefined;
}

/** Puts wrapped handlers in the place of those that `look` finds in `target`; into `into` where it cannot be changed. */
function wrapEvents(target, into, look) {
  for (let index = 0; index < events.length; index++) {
    const name = events[index];
    const found = look(target, name);
    if (found === undefined) continue;
    const visible = { __proto__: null, configurable: true, enumerable: found.enumerable };
    const { get, value } = found;
    if (typeof value === "function") {
      defineProperty(into, name, {
        __proto__: null,
        ...visible,
        writable: true,
        value: wrapHandler(name, value),
      });
    } else if (get !== undefined) {
      defineProperty(into, name, {
        __proto__: null,
        ...visible,
        get() {
          const handler = apply(get, this, []);
          return typeof handler === "function" ? wrapHandler(name, handler) : handler;
        },
      });
    }
  }
}

function handlersOf(target) {
  const found = [];
  for (let index = 0; index < events.length; index++) {
    if (find(target, events[index]) !== undefined) found[found.length] = events[index];
  }
  return found;
}

function isChangeable(target) {
  if (!isExtensible(target)) return false;
  for (let index = 0; index < events.length; index++) {
    if (getOwnPropertyDescriptor(target, events[index])?.configurable === false) return false;
  }
  return true;
}

const isEntrypoint = (value) => typeof value === "function" && value.prototype instanceof WorkerEntrypoint;
const isObject = (value) => typeof value === "object" && value !== null;

function wrapExport(value) {
  if (isEntrypoint(value)) {
    wrapEvents(value.prototype, value.prototype, find);
    return value;
  }
  if (!isObject(value)) return value;
  // workerd calls handlers on what is exported; a frozen worker must still see itself as `this`.
  const into = isChangeable(value) ? value : create(value);
  wrapEvents(value, into, find);
  return into;
}

// Service worker syntax: listeners are collected in place of what the isolate would do with them, which for
// a module is nothing.
const listeners = { __proto__: null };
const serviceEvents = ["fetch", "scheduled", "queue"];
const originalListen = globalThis.addEventListener;

export function collectListeners(withBindings) {
  globalThis.addEventListener = function addEventListener(type, listener, ...rest) {
    if (!serviceEvents.includes(type)) return apply(originalListen, globalThis, [type, listener, ...rest]);
    listeners[type] = typeof listener === "function" ? listener : listener.handleEvent.bind(listener);
  };
  // A service worker finds its bindings among the globals.
  if (withBindings) for (const name of Object.keys(bindings)) globalThis[name] ??= bindings[name];
}

function serviceWorker() {
  const worker = {};
  if (listeners.fetch !== undefined) {
    worker.fetch = function fetch(request, _env, ctx) {
      let answer;
      const event = {
        type: "fetch",
        request,
        waitUntil: (promise) => ctx.waitUntil(promise),
        passThroughOnException() {},
        respondWith(response) {
          if (answer !== undefined) throw new TypeError("respondWith() was called before.");
          answer = response;
        },
      };
      listeners.fetch(event);
      return answer ?? noFetch();
    };
  }
  if (listeners.scheduled !== undefined) {
    worker.scheduled = function scheduled(controller, _env, ctx) {
      const { cron, scheduledTime } = controller;
      const waitUntil = (promise) => ctx.waitUntil(promise);
      const noRetry = () => controller.noRetry();
      listeners.scheduled({ type: "scheduled", cron, scheduledTime, noRetry, waitUntil });
    };
  }
  if (listeners.queue !== undefined) {
    worker.queue = function queue(batch, _env, ctx) {
      const { queue, messages, metadata } = batch;
      const waitUntil = (promise) => ctx.waitUntil(promise);
      const ackAll = () => batch.ackAll();
      const retryAll = (options) => batch.retryAll(options);
      listeners.queue({ type: "queue", queue, messages, metadata, ackAll, retryAll, waitUntil });
    };
  }
  return worker;
}

/** A class like `given` that also wraps the handlers which its instances define as fields of their own. */
function wrappingFields(given) {
  const wrapping = class extends given {
    constructor(...values) {
      super(...values);
      if (isChangeable(this)) wrapEvents(this, this, getOwnPropertyDescriptor);
    }
  };
  // The worker sees its own class, by name and by `this.constructor`.
  defineProperty(wrapping, "name", { __proto__: null, configurable: true, value: given.name });
  defineProperty(wrapping.prototype, "constructor", {
    __proto__: null,
    configurable: true,
    writable: true,
    value: given,
  });
  return wrapping;
}

/** What the runtime calls on an export. */
function handlersOn(value) {
  if (isEntrypoint(value)) return handlersOf(value.prototype);
  return isObject(value) ? handlersOf(value) : [];
}

/** Writes which handlers the default export has, and what else other workers can call. */
function reportExports(user, given) {
  const entrypoints = [];
  const names = ownKeys(user);
  for (let index = 0; index < names.length; index++) {
    const name = names[index];
    if (typeof name !== "string" || name === "default") continue;
    if (isEntrypoint(user[name]) || handlersOn(user[name]).length > 0) entrypoints[entrypoints.length] = name;
  }
  const text = stringify({ handlers: handlersOn(given), entrypoints });
  originals.log(`${exceptionMark}${exceptionMark}${text}`);
}

/** The worker's default export, to be exported in its stead; its other exports are changed in place. */
export function install(user, options) {
  backgroundMs = options.backgroundMs;
  const given = user.default ?? serviceWorker();
  if (options.reportExports) reportExports(user, given);
  const names = ownKeys(user);
  for (let index = 0; index < names.length; index++) {
    if (typeof names[index] === "string" && names[index] !== "default") wrapExport(user[names[index]]);
  }
  const wrapped = wrapExport(given);
  // Handlers that are methods need no further class between the worker and its instances.
  const fields = isEntrypoint(wrapped) && find(wrapped.prototype, "fetch") === undefined;
  const worker = fields ? wrappingFields(wrapped) : wrapped;
  const target = isEntrypoint(worker) ? worker.prototype : worker;
  if (isObject(target) && find(target, "fetch") === undefined) {
    defineProperty(target, "fetch", {
      __proto__: null,
      configurable: true,
      enumerable: true,
      writable: true,
      value: noFetch,
    });
  }
  return worker;
}
