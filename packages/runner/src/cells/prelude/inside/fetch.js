// Runs in the worker's own isolate, before its modules: `fetch` says for which request it asks, keeps to the request's
// limits, and throws what the platform refuses. The worker can tamper with all of it; the runner counts and judges
// for itself, and a worker that goes round this only gets worse error messages.

const { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const { Request: OurRequest, Promise: OurPromise, Error: OurError, TypeError: OurTypeError } = globalThis;
const uncurry = (method) => Function.prototype.call.bind(method);
const then = uncurry(OurPromise.prototype.then);
const rejected = OurPromise.reject.bind(OurPromise);
const getHeader = uncurry(Headers.prototype.get);
const setHeader = uncurry(Headers.prototype.set);
const listen = uncurry(EventTarget.prototype.addEventListener);

// Compatibility dates before 2022-01-31 put properties on the instance.
function getter(type, name) {
  const get = getOwnPropertyDescriptor(type.prototype, name)?.get;
  return get === undefined ? (object) => object[name] : uncurry(get);
}
const requestHeaders = getter(Request, "headers");
const requestSignal = getter(Request, "signal");
const responseHeaders = getter(Response, "headers");

/**
 * Puts the platform's `fetch` in the place of the runtime's.
 *
 * @param current what runs, if something does
 */
export function wrapFetch(current, { subrequests, subrequestConcurrency }) {
  const original = globalThis.fetch;

  // The line is a list of its own: arrays' methods are the worker's to break.
  const newAccount = () => ({
    left: subrequests,
    free: subrequestConcurrency,
    first: undefined,
    last: undefined,
  });

  function leave(account) {
    for (;;) {
      const next = account.first;
      if (next === undefined) {
        account.free++;
        return;
      }
      account.first = next.next;
      if (account.first === undefined) account.last = undefined;
      if (next.start()) return;
    }
  }

  // As Cloudflare counts: a subrequest holds its place until its response begins.
  function send(request, account) {
    return then(
      apply(original, undefined, [request]),
      (response) => {
        if (account !== undefined) leave(account);
        return judged(response);
      },
      (thrown) => {
        if (account !== undefined) leave(account);
        throw thrown;
      },
    );
  }

  function sendInTurn(request, account) {
    if (account.free > 0) {
      account.free--;
      return send(request, account);
    }
    const signal = requestSignal(request);
    if (signal?.aborted) return rejected(signal.reason);
    return new OurPromise((resolve, reject) => {
      let waiting = true;
      const place = {
        next: undefined,
        start() {
          if (!waiting) return false;
          waiting = false;
          resolve(send(request, account));
          return true;
        },
      };
      if (signal) {
        listen(signal, "abort", () => {
          if (!waiting) return;
          waiting = false;
          reject(signal.reason);
        });
      }
      if (account.last === undefined) account.first = place;
      else account.last.next = place;
      account.last = place;
    });
  }

  const wrapped = {
    fetch(...values) {
      let request;
      try {
        // What `fetch` itself begins with; the caller's own request stays as it is.
        request = new OurRequest(...values);
      } catch (thrown) {
        return rejected(thrown);
      }
      const running = current();
      // What is no request is the runner's alone to count.
      if (!running?.id) return send(request, undefined);
      running.account ??= newAccount();
      const { account } = running;
      if (account.left <= 0) {
        return rejected(
          coded(
            "SUBREQUEST_LIMIT",
            `Too many subrequests: a request may make ${subrequests} (limits.subrequests).`,
          ),
        );
      }
      account.left--;
      setHeader(requestHeaders(request), "x-ow-request", running.id);
      return sendInTurn(request, account);
    },
  }.fetch;
  for (const key of ownKeys(original)) {
    if (key !== "prototype") defineProperty(wrapped, key, getOwnPropertyDescriptor(original, key));
  }
  let holder = globalThis;
  while (getOwnPropertyDescriptor(holder, "fetch") === undefined) holder = getPrototypeOf(holder);
  const { enumerable } = getOwnPropertyDescriptor(holder, "fetch");
  defineProperty(holder, "fetch", { configurable: true, enumerable, writable: true, value: wrapped });
}

/** The response, unless it is the runner's word that there is none. No server outside can send these fields. */
function judged(response) {
  const headers = responseHeaders(response);
  const code = getHeader(headers, "x-ow-error");
  if (code === null) return response;
  throw coded(code, getHeader(headers, "x-ow-message") ?? "The request failed.");
}

function coded(code, message) {
  // A request that fails is a TypeError by the standard; one too many is the platform's own.
  const error = code === "SUBREQUEST_LIMIT" ? new OurError(message) : new OurTypeError(message);
  defineProperty(error, "code", { __proto__: null, configurable: true, writable: true, value: code });
  return error;
}
