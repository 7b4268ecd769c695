// Runs in the worker's own isolate, before its modules: a request through a service binding says how many such
// requests led to it, so that a circle of workers ends. The worker can tamper with it, and is bounded by its limits then.

import { env } from "cloudflare:workers";

const { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Reflect;
const { Request: OurRequest } = globalThis;
const uncurry = (method) => Function.prototype.call.bind(method);
const setHeader = uncurry(Headers.prototype.set);
// Compatibility dates before 2022-01-31 put properties on the instance.
const headersGetter = getOwnPropertyDescriptor(Request.prototype, "headers")?.get;
const headersOf = headersGetter === undefined ? (request) => request.headers : uncurry(headersGetter);

/**
 * @param current what runs, if something does
 * @param name of a service binding: all of them have one prototype
 */
export function wrapServices(current, name) {
  const prototype = getPrototypeOf(env[name]);
  const original = prototype.fetch;
  function fetch(input, init) {
    const depth = current()?.depth;
    // The first of a chain says nothing.
    if (!depth) return apply(original, this, [input, init]);
    let passed;
    try {
      passed = new OurRequest(input, init);
    } catch {
      // What is no request is the original's to refuse.
      return apply(original, this, [input, init]);
    }
    setHeader(headersOf(passed), "x-ow-depth", depth);
    return apply(original, this, [passed]);
  }
  defineProperty(prototype, "fetch", {
    __proto__: null,
    configurable: true,
    enumerable: true,
    writable: true,
    value: fetch,
  });
}
