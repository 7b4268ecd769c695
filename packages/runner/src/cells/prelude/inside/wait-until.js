// A module of workerd's own side: it alone may take what is inside of `cloudflare:workers`, whose `waitUntil` would
// otherwise be out of the prelude's reach. Evaluated before `cloudflare:workers`, which binds what it finds here.

import inside from "cloudflare-internal:workers";

const { apply, defineProperty, getPrototypeOf } = Reflect;
const prototype = getPrototypeOf(inside);
const original = prototype.waitUntil;
let taker;

/** Has `given(promise, waitUntil)` called for each promise. The first caller has it for good: our own module. */
export function takeWaitUntil(given) {
  taker ??= given;
}

defineProperty(prototype, "waitUntil", {
  __proto__: null,
  configurable: true,
  enumerable: true,
  writable: true,
  value: function waitUntil(promise) {
    return taker(promise, (work) => apply(original, inside, [work]));
  },
});
