import { expect, test } from "bun:test";
import { fillIn, PathPattern } from "./path-pattern.ts";

function match(pattern: string, text: string, separator: "/" | "." = "/"): object | undefined {
  const parsed = PathPattern.parse(pattern, separator);
  if (typeof parsed === "string") throw new Error(parsed);
  const captures = parsed.match(text.split(separator));
  return captures === undefined ? undefined : Object.fromEntries(captures);
}

test.each([
  ["/blog/*", "/blog/2026/hello", { splat: "2026/hello" }],
  ["/blog/*", "/blog/", { splat: "" }],
  ["/blog/*", "/blog", undefined],
  ["/*", "/", { splat: "" }],
  ["/a/*/z", "/a/b/c/z", { splat: "b/c" }],
  ["/a/*/z", "/a/z", undefined],
  ["/pre*.html", "/prefix/more.html", { splat: "fix/more" }],
  ["/u/:id", "/u/7", { id: "7" }],
  ["/u/:id", "/u/", undefined],
  ["/u/:id", "/u/7/", undefined],
  ["/u/:id/:id_2", "/u/a/b", { id: "a", id_2: "b" }],
  ["/:year-:month", "/2026-11-30", { year: "2026-11", month: "30" }],
  ["/:year-:month", "/2026-", undefined],
  ["/:a/x/*", "/1/x/2/3", { a: "1", splat: "2/3" }],
  ["/img/:name.png", "/img/.png", undefined],
  ["/plain", "/plain", {}],
  ["/plain", "/plainer", undefined],
])("%p on %p", (pattern, text, captures) => {
  expect(match(pattern, text)).toEqual(captures);
});

test("a placeholder in a host ends at a dot", () => {
  expect(match(":project.example.com", "docs.example.com", ".")).toEqual({ project: "docs" });
  expect(match(":project.example.com", "a.docs.example.com", ".")).toBeUndefined();
  expect(match("*.example.com", "a.docs.example.com", ".")).toEqual({ splat: "a.docs" });
});

test.each(["/*/*", "/a**", "/x-:id*", "/:id/:id"])("%p is refused", (pattern) => {
  expect(PathPattern.parse(pattern, "/")).toBeString();
});

test("what was not captured stays as it is, and a name is not taken for a longer one", () => {
  const captures = new Map([["id", "7"]]);
  expect(fillIn("/x/:id/:id_2/:other", captures)).toBe("/x/7/:id_2/:other");
});

test("a pattern made to backtrack ends", () => {
  expect(
    match(
      `/${":a-".split("").join("")}${Array.from({ length: 200 }, (_, i) => `:p${i}-`).join("")}x`,
      `/${"-".repeat(60_000)}`,
    ),
  ).toBeUndefined();
});
