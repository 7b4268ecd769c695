import { expect, test } from "bun:test";
import { errorPage, prefersHtml } from "./error-page.ts";
import { unknownHost } from "./problems.ts";

test.each([
  ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true],
  ["text/html", true],
  ["TEXT/HTML", true],
  ["application/json, text/html", true],
  ["application/json, text/html;q=0.9", false],
  ["application/json", false],
  ["*/*", false],
  ["text/html;q=0", false],
  ["text/html;q=x", false],
  ["", false],
  [undefined, false],
])("Accept: %s prefers HTML: %p", (accept, expected) => {
  expect(prefersHtml(accept)).toBe(expected);
});

test("nothing from the request becomes markup", () => {
  const problem = { ...unknownHost("a.localhost", "localhost"), message: `<img src=x onerror="alert(1)">'` };
  const { body } = errorPage(problem, "<b>", "text/html");
  expect(body).not.toContain("<img");
  expect(body).not.toContain("<b>");
  expect(body).toContain("&#60;img src=x onerror=&#34;alert(1)&#34;&#62;&#39;");
});

test.each(["localhost", "127.0.0.1", "[::1]"])(
  "the platform's own address %s leads to its workers",
  (host) => {
    const { message, hint } = unknownHost(host, "localhost");
    expect(message).toContain("<name>.localhost");
    expect(hint).not.toContain("domains add");
  },
);

test("a page is small, whole and without script", () => {
  const { body, contentType } = errorPage(unknownHost("hello.localhost", "localhost"), "id", "text/html");
  expect(contentType).toBe("text/html; charset=utf-8");
  expect(body.length).toBeLessThan(4_096);
  expect(body).not.toMatch(/<script|src=|href=|https?:/);
});
