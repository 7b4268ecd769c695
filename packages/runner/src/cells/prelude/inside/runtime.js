// Runs in the worker's own isolate, before its modules: attributes console lines and exceptions to requests.
// The worker can tamper with all of it and harms only its own logs; no limit and no secret depends on it.
// What is used per request is taken here, so that a worker that overwrites built-ins breaks nothing of ours.

import { env as bindings, WorkerEntrypoint } from "cloudflare:workers";
import { AsyncLocalStorage } from "node:async_hooks";

const { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const { create, isExtensible } = Object;
const {
  Response: OurResponse,
  Promise: OurPromise,
  Error: OurError,
  TypeError: OurTypeError,
  String: toText,
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

const requests = new AsyncLocalStorage();
const current = requests.getStore.bind(requests);
const enter = requests.run.bind(requests);

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
      const id = current();
      if (id === undefined) return apply(original, this, values);
      // A format string stays the first argument, so that its %s still count.
      if (typeof values[0] === "string") values[0] = `${lineMark}${id}${lineMark}${values[0]}`;
      else values = shifted(`${lineMark}${id}${lineMark}${exceptionMark}`, values);
      return apply(original, this, values);
    },
  }[level];
}

function report(thrown) {
  let name = "Error";
  let message = "";
  let stack = "";
  try {
    if (thrown instanceof OurError) {
      name = toText(thrown.name);
      message = toText(thrown.message);
      stack = toText(thrown.stack ?? "");
    } else message = `Uncaught ${toText(thrown)}`;
  } catch {
    message = "An exception that cannot be described was thrown.";
  }
  originals.error(exceptionMark + stringify({ id: current(), name, message, stack }));
}

// What no handler of the worker's awaits: a rejected promise, a callback of a timer.
globalThis.addEventListener("unhandledrejection", (event) => report(event.reason));
globalThis.addEventListener("error", (event) => report(event.error));

let backgroundMs = 0;

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
      return apply(original, this, [done]);
    },
  });
}

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

function wrapHandler(name, handler) {
  const isFetch = name === "fetch";
  const failed = isFetch ? failedFetch : failedEvent;
  return {
    [name](...values) {
      // The worker calls its own handler: its exceptions are its own to catch.
      if (current() !== undefined) return apply(handler, this, values);
      boundWaitUntil(values.length > 2 ? values[2] : this?.ctx);
      const id = isFetch ? getHeader(headersOf(values[0]), "x-request-id") : undefined;
      return enter(id ?? "", call, handler, this, values, isFetch ? checkedResponse : unchecked, failed);
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

/** Puts wrapped handlers in the place of `target`'s; into `into` where `target` cannot be changed. */
function wrapEvents(target, into) {
  for (let index = 0; index < events.length; index++) {
    const name = events[index];
    const found = find(target, name);
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
    wrapEvents(value.prototype, value.prototype);
    return value;
  }
  if (!isObject(value)) return value;
  // workerd calls handlers on what is exported; a frozen worker must still see itself as `this`.
  const into = isChangeable(value) ? value : create(value);
  wrapEvents(value, into);
  return into;
}

// Service worker syntax: listeners are collected in place of what the isolate would do with them, which for
// a module is nothing.
const listeners = { __proto__: null };
const serviceEvents = ["fetch", "scheduled"];
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
    worker.scheduled = function scheduled({ cron, scheduledTime }, _env, ctx) {
      const waitUntil = (promise) => ctx.waitUntil(promise);
      return listeners.scheduled({ type: "scheduled", cron, scheduledTime, waitUntil });
    };
  }
  return worker;
}

/** The worker's default export, to be exported in its stead; its other exports are changed in place. */
export function install(user, options) {
  backgroundMs = options.backgroundMs;
  const given = user.default ?? serviceWorker();
  if (options.reportHandlers) {
    const found = isEntrypoint(given)
      ? handlersOf(given.prototype)
      : isObject(given)
        ? handlersOf(given)
        : [];
    originals.log(`${exceptionMark}${exceptionMark}${stringify(found)}`);
  }
  const names = ownKeys(user);
  for (let index = 0; index < names.length; index++) {
    if (typeof names[index] === "string" && names[index] !== "default") wrapExport(user[names[index]]);
  }
  const worker = wrapExport(given);
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
