import { describe, expect, test } from "bun:test";
import { maxDynamicRedirects, maxHeaderRules, maxStaticRedirects } from "../assets.ts";
import { parseHeaders } from "./parse-headers.ts";
import { parseRedirects } from "./parse-redirects.ts";

describe("_headers", () => {
  test("gives each path its headers", () => {
    const { rules, warnings } = parseHeaders(`
# everywhere
/*
  X-Frame-Options: DENY
  Link: <https://a.example/x>; rel=preload
/static/*
  Cache-Control: public, max-age=31536000, immutable
  ! X-Frame-Options
https://:tenant.example.com/*
  X-Robots-Tag: noindex
`);
    expect(warnings).toEqual([]);
    expect(rules).toEqual([
      {
        from: "/*",
        set: [
          ["x-frame-options", "DENY"],
          ["link", "<https://a.example/x>; rel=preload"],
        ],
        unset: [],
      },
      {
        from: "/static/*",
        set: [["cache-control", "public, max-age=31536000, immutable"]],
        unset: ["x-frame-options"],
      },
      { from: "https://:tenant.example.com/*", set: [["x-robots-tag", "noindex"]], unset: [] },
    ]);
  });

  test.each([
    ["X-A: 1", /no path/],
    ["/a", /no header/],
    ["/a\n  no colon", /Name: value/],
    ["/a\n  X-A:", /Name: value/],
    ["/a\n  X A: 1", /not the name of a header/],
    ["/a\n  X-A: \u0001", /no header may have/],
    ["/a\n  X-A: \u20ac", /no header may have/],
    ["/a\n  Content-Length: 3", /platform's/],
    ["/a\n  ! Transfer-Encoding", /platform's/],
    ["http://a.example/*\n  X-A: 1", /https:\/\//],
    ["https://a.example:8080/*\n  X-A: 1", /port/],
    ["/*/*\n  X-A: 1", /more than one \*/],
    [`/a\n  X-A: ${"x".repeat(2_001)}`, /longer/],
  ])("leaves out %p with a warning", (text, warning) => {
    const { rules, warnings } = parseHeaders(text);
    expect(rules.filter(({ set, unset }) => set.length + unset.length > 0)).toEqual([]);
    expect(warnings.join("\n")).toMatch(warning);
  });

  test("has so many rules and no more", () => {
    const { rules, warnings } = parseHeaders(
      Array.from({ length: maxHeaderRules + 1 }, (_, index) => `/${index}\n  X-A: 1`).join("\n"),
    );
    expect([rules.length, warnings.length]).toEqual([maxHeaderRules, 1]);
  });
});

describe("_redirects", () => {
  const parse = (text: string) => parseRedirects(text, "auto-trailing-slash");

  test("gives each path where it leads", () => {
    const { rules, warnings } = parse(`
# moved
/home /
/blog/* https://blog.example.com/:splat 301 # for good
about /about-us#team 308
/app/* /app.html 200
`);
    expect(warnings).toEqual([]);
    expect(rules).toEqual([
      { from: "/home", to: "/", status: 302 },
      { from: "/blog/*", to: "https://blog.example.com/:splat", status: 301 },
      { from: "/about", to: "/about-us#team", status: 308 },
      { from: "/app/*", to: "/app.html", status: 200 },
    ]);
  });

  test.each([
    ["/a", /from to/],
    ["/a /b 302 more", /from to/],
    ["/a /b 418", /status/],
    ["/a /b 200x", /status/],
    ["https://a.example/x /b", /own addresses/],
    ["/a b", /neither a path/],
    ["/a //evil.com", /neither a path/],
    ["/a javascript:alert(1)", /neither a path/],
    ["/a https://b.example 200", /another file/],
    ["/* /index.html", /for ever/],
    ["/ /index.html 301", /for ever/],
    ["/a /a", /for ever/],
    ["/*/* /b", /more than one \*/],
    ["/a?b=c /b", /query/],
    [`/a /${"b".repeat(2_000)}`, /longer/],
  ])("leaves out %p with a warning", (text, warning) => {
    const { rules, warnings } = parse(text);
    expect(rules).toEqual([]);
    expect(warnings.join("\n")).toMatch(warning);
  });

  test("keeps the first of two rules for a path", () => {
    const { rules, warnings } = parse("/a /b\n/a /c");
    expect(rules).toMatchObject([{ to: "/b" }]);
    expect(warnings).toHaveLength(1);
  });

  test("has so many rules and no more", () => {
    const lines = (count: number, star: string) =>
      Array.from({ length: count }, (_, index) => `/${star}${index}${star && "/*"} /x`).join("\n");
    expect(parse(lines(maxStaticRedirects + 5, "")).rules).toHaveLength(maxStaticRedirects);
    expect(parse(lines(maxDynamicRedirects + 5, "d")).rules).toHaveLength(maxDynamicRedirects);
    expect(parse(lines(maxDynamicRedirects + 5, "d")).warnings).toHaveLength(1);
  });
});
