// D1's errors, with what PostgreSQL says beside its message.

import { defineProperty, indexOf, OurError, slice, toText } from "./primordials.js";

const fields = ["position", "hint", "detail", "constraint", "table", "column", "statement"];

/** @param given the protocol's `error` */
export function queryError(prefix, given) {
  const error = withMessage(`${prefix}: ${given.message}`, given.message);
  setField(error, "code", given.sqlstate ?? given.code);
  for (let index = 0; index < fields.length; index++) setField(error, fields[index], given[fields[index]]);
  return error;
}

/** An error with D1's prefix and the same message without it as its cause. */
export function withMessage(message, cause) {
  const error = new OurError(message, { __proto__: null, cause: new OurError(cause) });
  setField(error, "stack", withoutOurs(error.stack));
  return error;
}

export function typeError(value) {
  const type = typeof value;
  let text;
  try {
    text = toText(value);
  } catch {
    text = type;
  }
  const message = `Type '${type}' not supported for value '${text}'`;
  return withMessage(`D1_TYPE_ERROR: ${message}`, message);
}

function setField(error, name, value) {
  if (value === undefined || value === null) return;
  const enumerable = name !== "stack";
  defineProperty(error, name, { __proto__: null, configurable: true, enumerable, writable: true, value });
}

/** The frames of the worker's own call: ours say nothing to who wrote it. */
function withoutOurs(stack) {
  if (typeof stack !== "string") return undefined;
  let text = "";
  let start = 0;
  while (start < stack.length) {
    const found = indexOf(stack, "\n", start);
    const end = found === -1 ? stack.length : found + 1;
    const line = slice(stack, start, end);
    if (indexOf(line, "openworkers:database") === -1) text += line;
    start = end;
  }
  return text;
}
