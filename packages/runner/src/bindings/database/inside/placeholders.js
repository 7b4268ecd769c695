// D1's placeholders, `?` and `?1`, in PostgreSQL's words: `$1`.

import { codeAt, indexOf, slice } from "./primordials.js";

const isDigit = (code) => code >= 48 && code <= 57;
// PostgreSQL takes every byte of a character beyond ASCII for a letter.
const isLetter = (code) =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || code > 127;
const isSpace = (code) => code === 32 || (code >= 9 && code <= 13);
const isLineEnd = (code) => code === 10 || code === 13;
const [quote, doubleQuote, dollar, dash, slash, star, question, backslash] = [39, 34, 36, 45, 47, 42, 63, 92];

/**
 * The statement with `$n` for its placeholders, and where they were put, for `originalPosition`. A statement that has
 * a `$n` already is left alone, so that `?` can be the operator of jsonb that it is.
 */
export function translate(sql) {
  if (indexOf(sql, "?") === -1) return { sql, marks: [] };
  const marks = [];
  let text = "";
  let copied = 0;
  let largest = 0;
  let at = 0;
  while (at < sql.length) {
    const code = codeAt(sql, at);
    if (code === question) {
      let end = at + 1;
      while (isDigit(codeAt(sql, end))) end++;
      const number = end === at + 1 ? largest + 1 : +slice(sql, at + 1, end);
      if (number > largest) largest = number;
      text += slice(sql, copied, at);
      const name = `$${number}`;
      marks[marks.length] = { from: at, length: end - at, to: text.length, newLength: name.length };
      text += name;
      copied = end;
      at = end;
    } else if (code === dollar && isDigit(codeAt(sql, at + 1))) {
      return { sql, marks: [] };
    } else {
      at = skip(sql, at, code);
    }
  }
  return { sql: text + slice(sql, copied), marks };
}

/**
 * Where in the worker's own text it is that PostgreSQL points at in the translated one. Both count characters (code
 * points) from 1.
 */
export function originalPosition(sql, marks, position) {
  let index = 0;
  for (let left = position - 1; left > 0 && index < sql.length; left--) {
    const code = codeAt(sql, index);
    index += code >= 0xd800 && code < 0xdc00 ? 2 : 1;
  }
  // Placeholders are ASCII: in characters and in UTF-16 they shift what follows by the same.
  let shift = 0;
  for (let mark = 0; mark < marks.length; mark++) {
    const { to, length, newLength } = marks[mark];
    if (index < to) break;
    shift = index < to + newLength ? shift - (index - to) : shift + length - newLength;
  }
  return position + shift;
}

/** Where the token, comment or space that begins at `at` ends. */
function skip(sql, at, code) {
  if (code === quote) return endOfString(sql, at, false);
  if (code === doubleQuote) return endOfQuoted(sql, at + 1, doubleQuote, false);
  if (code === dollar) return endOfDollarQuoted(sql, at);
  const next = codeAt(sql, at + 1);
  if (code === dash && next === dash) return endOfLine(sql, at);
  if (code === slash && next === star) return endOfComment(sql, at);
  if (!isLetter(code)) return at + 1;
  if ((code === 69 || code === 101) && next === quote) return endOfString(sql, at + 1, true);
  let end = at + 1;
  for (;;) {
    const part = codeAt(sql, end);
    if (!isLetter(part) && !isDigit(part) && part !== dollar) return end;
    end++;
  }
}

/** A string goes on in the next line, if that is where the next one begins. */
function endOfString(sql, start, escapes) {
  let end = endOfQuoted(sql, start + 1, quote, escapes);
  for (;;) {
    let next = end;
    let line = false;
    for (;;) {
      const code = codeAt(sql, next);
      if (isSpace(code)) {
        line ||= isLineEnd(code);
        next++;
      } else if (code === dash && codeAt(sql, next + 1) === dash) next = endOfLine(sql, next);
      else break;
    }
    if (!line || codeAt(sql, next) !== quote) return end;
    end = endOfQuoted(sql, next + 1, quote, escapes);
  }
}

function endOfQuoted(sql, start, mark, escapes) {
  let at = start;
  while (at < sql.length) {
    const code = codeAt(sql, at);
    if (escapes && code === backslash) at += 2;
    else if (code !== mark) at++;
    else if (codeAt(sql, at + 1) === mark) at += 2;
    else return at + 1;
  }
  return at;
}

function endOfDollarQuoted(sql, start) {
  let at = start + 1;
  while (isLetter(codeAt(sql, at)) || (at > start + 1 && isDigit(codeAt(sql, at)))) at++;
  if (codeAt(sql, at) !== dollar) return start + 1;
  const tag = slice(sql, start, at + 1);
  const end = indexOf(sql, tag, at + 1);
  return end === -1 ? sql.length : end + tag.length;
}

function endOfLine(sql, start) {
  let at = start;
  while (at < sql.length && !isLineEnd(codeAt(sql, at))) at++;
  return at;
}

function endOfComment(sql, start) {
  let depth = 0;
  let at = start;
  while (at < sql.length) {
    const code = codeAt(sql, at);
    const next = codeAt(sql, at + 1);
    if (code === slash && next === star) {
      depth++;
      at += 2;
    } else if (code === star && next === slash) {
      depth--;
      at += 2;
      if (depth === 0) return at;
    } else at++;
  }
  return at;
}
