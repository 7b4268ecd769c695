// What the client is made of, taken before the worker's modules run: one that overwrites built-ins breaks its own code,
// not the client, and is handed nothing that it was not given.

export const { apply, getPrototypeOf } = Reflect;
export const { defineProperty } = Object;
export const { isArray } = Array;
export const { isView } = ArrayBuffer;
export const { isFinite: isNumber, isSafeInteger } = Number;
export const { parse, stringify } = JSON;
export const toText = String;
export const toNumber = Number;
export const toBigInt = BigInt;
export const OurError = Error;
export const OurUint8Array = Uint8Array;
export const objectPrototype = Object.prototype;

const uncurry = (method) => Function.prototype.call.bind(method);
const getterOf = (prototype, name) => uncurry(Object.getOwnPropertyDescriptor(prototype, name).get);

export const codeAt = uncurry(String.prototype.charCodeAt);
export const slice = uncurry(String.prototype.slice);
export const indexOf = uncurry(String.prototype.indexOf);
export const trim = uncurry(String.prototype.trim);
export const startsWith = uncurry(String.prototype.startsWith);

export const isoText = uncurry(Date.prototype.toISOString);
export const timeOf = uncurry(Date.prototype.getTime);
export const bytesToHex = uncurry(Uint8Array.prototype.toHex);
export const bytesFromHex = Uint8Array.fromHex.bind(Uint8Array);

const typedArray = Object.getPrototypeOf(Uint8Array.prototype);
const arrayParts = [
  getterOf(typedArray, "buffer"),
  getterOf(typedArray, "byteOffset"),
  getterOf(typedArray, "byteLength"),
];
const viewParts = [
  getterOf(DataView.prototype, "buffer"),
  getterOf(DataView.prototype, "byteOffset"),
  getterOf(DataView.prototype, "byteLength"),
];
const typeTag = getterOf(typedArray, Symbol.toStringTag);
const bufferBytes = getterOf(ArrayBuffer.prototype, "byteLength");

/** The bytes of an ArrayBuffer or of a view of one; undefined for anything else. */
export function bytesOf(value) {
  if (isView(value)) {
    const parts = typeTag(value) === undefined ? viewParts : arrayParts;
    return new OurUint8Array(parts[0](value), parts[1](value), parts[2](value));
  }
  try {
    bufferBytes(value);
  } catch {
    return undefined;
  }
  return new OurUint8Array(value);
}

/** Whether it is a Date, of whatever class. */
export function isDate(value) {
  try {
    timeOf(value);
    return true;
  } catch {
    return false;
  }
}

// Compatibility dates before 2022-01-31 put properties on the instance.
function partOf(name) {
  const get = Object.getOwnPropertyDescriptor(Response.prototype, name)?.get;
  return get === undefined ? (response) => response[name] : uncurry(get);
}
export const statusOf = partOf("status");
export const headersOf = partOf("headers");
export const headerOf = uncurry(Headers.prototype.get);
export const textOf = uncurry(Response.prototype.text);
export const jsonOf = uncurry(Response.prototype.json);
