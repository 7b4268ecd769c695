import { parseXml as parse, XmlElement } from "@rgrove/parse-xml";

/** An element of a server's answer, of which only known children are looked at. */
export interface Element {
  text(name: string): string | undefined;
  all(name: string): Element[];
}

/** Reads a document. @throws Error when it is none, or its root is another */
export function parseXml(text: string, root: string): Element {
  const { root: found } = parse(text);
  if (found?.name !== root) throw new Error(`the answer is no ${root}`);
  return elementOf(found);
}

function elementOf(element: XmlElement): Element {
  const children = (name: string) =>
    element.children.filter(
      (child): child is XmlElement => child instanceof XmlElement && child.name === name,
    );
  return {
    text: (name) => children(name)[0]?.text,
    all: (name) => children(name).map(elementOf),
  };
}

/** Whether XML 1.0 can say it at all (section 2.2). */
export function fitsXml(text: string): boolean {
  return !/[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(text);
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  // A parser would make spaces or newlines of them.
  "\r": "&#13;",
  "\n": "&#10;",
  "\t": "&#9;",
};

export function escapeXml(text: string): string {
  return text.replace(/[&<>"'\r\n\t]/g, (character) => escapes[character] ?? character);
}
