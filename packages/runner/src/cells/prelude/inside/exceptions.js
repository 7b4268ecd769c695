// Runs in the worker's own isolate, before its modules: puts what was thrown into words. What is thrown is the worker's:
// any part of it may throw in turn, be endless, or be larger than a line of the log.

const { Error: OurError, String: toText } = globalThis;
const { stringify } = JSON;
const uncurry = (method) => Function.prototype.call.bind(method);
const beginning = uncurry(String.prototype.slice);
const startsWith = uncurry(String.prototype.startsWith);
const encode = TextEncoder.prototype.encode.bind(new TextEncoder());

/** The log has all of it. */
const maxSummary = 2_000;
/** The log's reader takes 16 KiB a line; around this there is what workerd writes. */
const maxLineBytes = 15_000;
const longestPart = 8_000;
const shortestPart = 50;
/** A chain may be endless; what is further down than this says little of what went wrong up here. */
const maxCauses = 5;

const beyondWords = "An exception that cannot be described was thrown.";

/** A part of an error as text; `otherwise` when there is none, or it cannot be had. */
function partOf(error, name, otherwise) {
  try {
    const part = error[name];
    return part === undefined || part === null ? otherwise : toText(part);
  } catch {
    return otherwise;
  }
}

function isError(thrown) {
  try {
    return thrown instanceof OurError;
  } catch {
    return false;
  }
}

function textOf(thrown) {
  try {
    return toText(thrown);
  } catch {
    return beyondWords;
  }
}

function partsOf(thrown) {
  if (!isError(thrown)) {
    const text = textOf(thrown);
    return { name: "Error", message: text === beyondWords ? text : `Uncaught ${text}`, stack: "" };
  }
  const message = partOf(thrown, "message", beyondWords);
  return { name: partOf(thrown, "name", "Error"), message, stack: partOf(thrown, "stack", "") };
}

function causeOf(error) {
  try {
    return error.cause;
  } catch {
    return undefined;
  }
}

function cut(text, length) {
  return text.length > length ? `${beginning(text, 0, length)} … (cut)` : text;
}

/** The stack, with a message that is cut where it repeats it: what is wanted of it is the frames. */
function shortStack({ name, message, stack }, length) {
  const head = message === "" ? name : `${name}: ${message}`;
  if (!startsWith(stack, head)) return cut(stack, length);
  return cut(head, length / 2) + cut(beginning(stack, head.length), length);
}

/** A cause with its stack, where it has one. */
function causeText(cause, length) {
  if (!isError(cause)) return cut(textOf(cause), length);
  const parts = partsOf(cause);
  return parts.stack === "" ? cut(`${parts.name}: ${parts.message}`, length) : shortStack(parts, length);
}

function causesOf(thrown, length) {
  let text = "";
  let error = thrown;
  for (let count = 0; isError(error); count++) {
    const cause = causeOf(error);
    if (cause === undefined) break;
    if (count === maxCauses) return `${text}\nCaused by: …`;
    text += `\nCaused by: ${causeText(cause, length / 2)}`;
    error = cause;
  }
  return text;
}

/** What was thrown, in a line. */
export function summaryOf(thrown) {
  const { name, message } = partsOf(thrown);
  return beginning(isError(thrown) ? `${name}: ${message}` : message, 0, maxSummary);
}

/** What was thrown during the request `id`, with its causes, as JSON that a line of the log can hold. */
export function exceptionText(id, thrown) {
  const parts = partsOf(thrown);
  for (let length = longestPart; ; length = (length * 3) >> 2) {
    const text = stringify({
      id,
      name: cut(parts.name, 200),
      message: cut(parts.message, length / 2),
      stack: cut(shortStack(parts, length) + causesOf(thrown, length), 2 * length),
    });
    // As workerd writes it: JSON within JSON.
    if (length < shortestPart || encode(stringify(text)).length <= maxLineBytes) return text;
  }
}
