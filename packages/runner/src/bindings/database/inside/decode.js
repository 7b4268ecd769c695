// PostgreSQL's values as a worker reads them.

import {
  bytesFromHex,
  defineProperty,
  isArray,
  isSafeInteger,
  objectPrototype,
  slice,
  toBigInt,
  toNumber,
} from "./primordials.js";

// What JSON cannot say, or not without loss; everything else comes as it is.
const revivers = {
  __proto__: null,
  int8(text) {
    const number = toNumber(text);
    return isSafeInteger(number) ? number : toBigInt(text);
  },
  bytea: (text) => bytesFromHex(slice(text, 2)),
  // NaN and the infinities come as texts.
  float4: toNumber,
  float8: toNumber,
};

const elements = (revive) =>
  function each(value) {
    if (value === null) return null;
    if (!isArray(value)) return revive(value);
    for (let index = 0; index < value.length; index++) value[index] = each(value[index]);
    return value;
  };
for (const name of ["int8", "bytea", "float4", "float8"]) revivers[`${name}[]`] = elements(revivers[name]);

/** Puts the values of a result into the place of the texts that stand for them. Returns its rows. */
export function revive({ columns, rows }) {
  for (let column = 0; column < columns.length; column++) {
    const reviver = revivers[columns[column].type];
    if (reviver === undefined) continue;
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index];
      if (row[column] !== null) row[column] = reviver(row[column]);
    }
  }
  return rows;
}

/** The rows as objects. Of columns of one name the last counts. */
export function toObjects({ columns }, rows) {
  const objects = [];
  const names = [];
  let assignable = true;
  for (let index = 0; index < columns.length; index++) {
    names[index] = columns[index].name;
    // Such as `__proto__`, or one that the worker has put a setter under.
    if (names[index] in objectPrototype) assignable = false;
  }
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index];
    const object = {};
    for (let column = 0; column < names.length; column++) {
      if (assignable) object[names[column]] = row[column];
      else define(object, names[column], row[column]);
    }
    objects[index] = object;
  }
  return objects;
}

function define(object, name, value) {
  defineProperty(object, name, {
    __proto__: null,
    configurable: true,
    enumerable: true,
    writable: true,
    value,
  });
}
