// A worker's values as PostgreSQL reads them: texts, whose types it infers from where they stand.

import { typeError } from "./errors.js";
import {
  bytesOf,
  bytesToHex,
  codeAt,
  getPrototypeOf,
  isArray,
  isDate,
  isNumber,
  isoText,
  objectPrototype,
  slice,
  stringify,
  timeOf,
  toText,
} from "./primordials.js";

/**
 * The text of one parameter; null for NULL.
 *
 * @throws Error D1_TYPE_ERROR for what has none
 */
export function encode(value) {
  switch (typeof value) {
    case "string":
      return value;
    case "number":
    case "bigint":
      return toText(value);
    case "boolean":
      return value ? "true" : "false";
    case "object":
      return value === null ? null : isArray(value) ? arrayText(value) : objectText(value);
    default:
      throw typeError(value);
  }
}

function objectText(value) {
  if (isDate(value)) {
    if (!isNumber(timeOf(value))) throw typeError(value);
    return isoText(value);
  }
  const bytes = bytesOf(value);
  if (bytes !== undefined) return `\\x${bytesToHex(bytes)}`;
  if (typeof value.toJSON === "function") {
    // Such as a URL or a decimal: a text that is meant to be one.
    const said = value.toJSON();
    if (typeof said !== "object") return encode(said);
  } else {
    const prototype = getPrototypeOf(value);
    if (prototype !== objectPrototype && prototype !== null) throw typeError(value);
  }
  return stringify(value);
}

/** An array literal: https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO */
function arrayText(values) {
  let text = "{";
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (index > 0) text += ",";
    if (isArray(value)) text += arrayText(value);
    else {
      const element = encode(value);
      text +=
        element === null
          ? "NULL"
          : typeof value === "object" || typeof value === "string"
            ? quoted(element)
            : element;
    }
  }
  return `${text}}`;
}

function quoted(element) {
  let text = '"';
  let copied = 0;
  for (let at = 0; at < element.length; at++) {
    const code = codeAt(element, at);
    if (code !== 34 && code !== 92) continue;
    text += `${slice(element, copied, at)}\\`;
    copied = at;
  }
  return `${text}${slice(element, copied)}"`;
}
