/**
 * An array as PostgreSQL writes it (`{1,NULL,"a\"b"}`, `[0:1]={…}`), as JSON. `element` makes JSON of one element's text.
 *
 * @throws SyntaxError when it is no such text
 */
export function arrayToJson(literal: string, delimiter: string, element: (text: string) => string): string {
  // Bounds that do not start at 1 come first; JSON has no place for them.
  let at = literal.startsWith("[") ? literal.indexOf("=") + 1 : 0;
  const delimiterCode = delimiter.charCodeAt(0);
  let json = "";
  let depth = 0;
  for (; at < literal.length; ) {
    const code = literal.charCodeAt(at);
    if (code === open) {
      depth++;
      json += "[";
      at++;
    } else if (code === close) {
      depth--;
      json += "]";
      at++;
    } else if (code === delimiterCode) {
      json += ",";
      at++;
    } else if (code === quote) {
      let text = "";
      let from = ++at;
      for (; at < literal.length && literal.charCodeAt(at) !== quote; at++) {
        if (literal.charCodeAt(at) !== backslash) continue;
        text += literal.slice(from, at);
        from = ++at;
      }
      json += element(text + literal.slice(from, at));
      at++;
    } else {
      const from = at;
      for (; at < literal.length; at++) {
        const next = literal.charCodeAt(at);
        if (next === close || next === delimiterCode) break;
      }
      const text = literal.slice(from, at);
      json += text === "NULL" ? "null" : element(text);
    }
  }
  if (depth !== 0 || json === "") throw new SyntaxError("not an array of PostgreSQL's");
  return json;
}

const open = 0x7b;
const close = 0x7d;
const quote = 0x22;
const backslash = 0x5c;
