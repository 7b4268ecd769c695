import { describe, expect, test } from "bun:test";
import type { AssetSettings } from "@openworkers/core";
import { AssetIndex, type AssetQuery, type Resolution } from "./asset-index.ts";
import { plainSettings } from "./testing/site.ts";

function indexOf(
  paths: readonly string[],
  settings: Partial<AssetSettings> = {},
  { date = "2026-11-01", flags = [] as string[] } = {},
): AssetIndex {
  return new AssetIndex({
    settings: { ...plainSettings, ...settings },
    files: paths.map((path) => ({ path, hash: "0".repeat(64), size: 1, contentType: "text/plain" })),
    compatibilityDate: date,
    compatibilityFlags: flags,
  });
}

function query(target: string, more: Partial<AssetQuery> = {}): AssetQuery {
  const host = "hello.localhost";
  return { method: "GET", hostname: host, host, target, webSocket: false, navigates: false, ...more };
}

/** A resolution in a word: `= file`, `404 file`, `301 location`, `405`, `404`, or `worker`. */
function word(resolution: Resolution | undefined): string {
  switch (resolution?.kind) {
    case undefined:
      return "worker";
    case "file":
      return `${resolution.status === 200 ? "=" : resolution.status} ${resolution.file.path}`;
    case "redirect":
      return `${resolution.status} ${resolution.location}`;
    case "method-not-allowed":
      return "405";
    case "not-found":
      return "404";
  }
}

const ask = (index: AssetIndex, target: string, more: Partial<AssetQuery> = {}) =>
  word(index.beforeWorker(query(target, more)));

describe("a path", () => {
  const index = indexOf([
    "/index.html",
    "/secret/key.txt",
    "/ü b.txt",
    "/100%.txt",
    "/a@2x(1).png",
    "/[x].txt",
    "/%2e%2e",
  ]);

  test.each([
    ["/secret/key.txt?version=1", "= /secret/key.txt"],
    ["/%C3%BC%20b.txt", "= /ü b.txt"],
    ["/\xc3\xbc%20b.txt", "= /ü b.txt"],
    ["/100%25.txt", "= /100%.txt"],
    ["/a@2x(1).png", "= /a@2x(1).png"],
    ["/%5Bx%5D.txt", "= /[x].txt"],
    ["/[x].txt", "307 /%5Bx%5D.txt"],
    ["/100%.txt?q", "307 /100%25.txt?q"],
    ["//secret//key.txt", "307 /secret/key.txt"],
    ["/secret%2Fkey.txt", "307 /secret/key.txt"],
    ["/%73ecret/key.txt", "307 /secret/key.txt"],
    ["/x/../secret/key.txt", "= /secret/key.txt"],
    ["/x/%2e%2e/secret/key.txt", "= /secret/key.txt"],
    ["/%252e%252e", "= /%2e%2e"],
  ])("%p leads to %p", (target, expected) => {
    expect(ask(index, target)).toBe(expected);
  });

  test.each([
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/%252e%252e%252fetc%252fpasswd",
    "/secret/key.txt%00.html",
    "/secret/key.txt%00",
    "/secret\\key",
    "/..\\..\\etc\\passwd",
    "/secret/key.txt/",
    "/secret/KEY.txt",
    "/.%00./",
    "/%",
    "/%ff%fe",
    "//hello.localhost/secret/key.txt",
    `/${"a/".repeat(30_000)}`,
  ])("%p leads nowhere", (target) => {
    expect(ask(index, target)).toBe("worker");
  });

  test.each(["/..%2f..%2fetc%2fpasswd", "/a%2f..%2f..%2fb", "/a%00b", `/${"a/".repeat(30_000)}`])(
    "%p is not even the page of a single-page application",
    (target) => {
      expect(
        ask(indexOf(["/index.html"], { notFoundHandling: "single-page-application", only: true }), target),
      ).toBe("404");
    },
  );

  test("a redirect to a file's own spelling never leaves the host", () => {
    const spa = indexOf(["/index.html", "/evil.com/index.html"], {
      notFoundHandling: "single-page-application",
      only: true,
    });
    for (const target of [
      "//evil.com",
      "//evil.com/..",
      "/%2Fevil.com",
      "/\\evil.com",
      "/%5Cevil.com",
      "///evil.com/%2e%2e/x",
    ]) {
      expect({ target, lead: ask(spa, target) }).toMatchObject({
        lead: expect.not.stringMatching(/^\d+ (\/\/|\/\\|[a-z]+:)/),
      });
    }
  });
});

describe("methods", () => {
  const index = indexOf(["/index.html"]);
  test("a file is for GET and HEAD; where there is none, any method is the worker's", () => {
    expect(ask(index, "/", { method: "HEAD" })).toBe("= /index.html");
    expect(ask(index, "/", { method: "POST" })).toBe("405");
    expect(ask(index, "/api", { method: "POST" })).toBe("worker");
    expect(ask(indexOf([], { only: true }), "/api", { method: "POST" })).toBe("404");
  });
});

test("a WebSocket is the worker's, and a file's where there is none: no cell is started for it", () => {
  expect(ask(indexOf(["/index.html"]), "/", { webSocket: true })).toBe("worker");
  expect(ask(indexOf(["/index.html"], { only: true }), "/", { webSocket: true })).toBe("= /index.html");
});

describe("what is no file", () => {
  const files = ["/index.html", "/404.html", "/docs/404.html", "/docs/a.html"];
  test("is the worker's, and a 404 where there is none", () => {
    expect(ask(indexOf(files), "/nothing")).toBe("worker");
    expect(ask(indexOf(files, { only: true }), "/nothing")).toBe("404");
  });

  test("gets the nearest 404 page", () => {
    const index = indexOf(files, { only: true, notFoundHandling: "404-page" });
    expect(ask(index, "/nothing")).toBe("404 /404.html");
    expect(ask(index, "/docs/b/c")).toBe("404 /docs/404.html");
    expect(ask(index, "/docs/a")).toBe("= /docs/a.html");
  });

  test("gets the page of a single-page application", () => {
    const index = indexOf(files, { only: true, notFoundHandling: "single-page-application" });
    expect(ask(index, "/users/7?tab=2")).toBe("= /index.html");
    expect(ask(index, "/users/7", { method: "POST" })).toBe("405");
  });

  test("beside a worker, gets the page when a person navigates, and the worker when a script asks", () => {
    const settings = { notFoundHandling: "single-page-application" } as const;
    const index = indexOf(files, settings);
    expect(ask(index, "/users/7", { navigates: true })).toBe("= /index.html");
    expect(ask(index, "/users/7")).toBe("worker");
    const old = indexOf(files, settings, { date: "2025-03-31" });
    expect(ask(old, "/users/7", { navigates: true })).toBe("worker");
    const opted = indexOf(files, settings, {
      date: "2025-03-31",
      flags: ["assets_navigation_prefers_asset_serving"],
    });
    expect(ask(opted, "/users/7", { navigates: true })).toBe("= /index.html");
    const out = indexOf(files, settings, { flags: ["assets_navigation_has_no_effect"] });
    expect(ask(out, "/users/7", { navigates: true })).toBe("worker");
  });

  test("gets its page when the worker itself asks", () => {
    const index = indexOf(files, { notFoundHandling: "single-page-application", runWorkerFirst: true });
    expect(word(index.forWorker(query("/users/7")))).toBe("= /index.html");
    expect(word(indexOf(files).forWorker(query("/users/7")))).toBe("404");
  });
});

describe("run_worker_first", () => {
  const files = ["/index.html", "/admin/panel.html", "/admin/logo.png", "/admin/index.html"];
  test("keeps everything for the worker, or the paths that fit", () => {
    expect(ask(indexOf(files, { runWorkerFirst: true }), "/")).toBe("worker");
    const index = indexOf(files, { runWorkerFirst: ["/admin/*", "!/admin/*.png"] });
    expect(ask(index, "/")).toBe("= /index.html");
    expect(ask(index, "/admin/panel")).toBe("worker");
    expect(ask(index, "/admin/logo.png")).toBe("= /admin/logo.png");
    expect(ask(index, "/admin/none.png")).toBe("404");
  });

  test.each([
    "/admin/panel",
    "/admin/panel.html",
    "//admin/panel",
    "/%61dmin/panel",
    "/%61dmin%2Fpanel",
    "/admin%2fpanel",
    "/x/../admin/panel",
    "/x/%2e%2e/admin/panel",
    "/admin/./panel",
    "/./admin//panel",
    "/\\admin\\panel",
    "/admin/panel/",
    "/admin/panel?x",
    "/admin/",
    "/admin/index",
  ])("is not passed by with %p", (target) => {
    const index = indexOf(files, { runWorkerFirst: ["/admin/*"] });
    let lead = ask(index, target);
    // Where the first answer is a redirect, the client asks for what it names.
    for (let hops = 0; /^30\d /.test(lead) && hops < 5; hops++) lead = ask(index, lead.slice(4));
    expect(lead).toBe("worker");
  });
});

describe("_redirects", () => {
  const rules: [string, string, number][] = [
    ["/home", "/", 301],
    ["/blog/*", "/news/:splat", 302],
    ["/user/:id", "/profiles/:id?from=user", 308],
    ["/out/*", "https://example.com/:splat", 302],
    ["/go/*", "/:splat", 302],
    ["/blog/late", "/never", 302],
    ["/app/*", "/index.html", 200],
    ["/gone/*", "/nowhere", 200],
  ];
  const redirects = rules.map(([from, to, status]) => ({ from, to, status })) as AssetSettings["redirects"];
  const index = indexOf(["/index.html", "/home.html", "/page.html"], { redirects, htmlHandling: "none" });

  test.each([
    ["/home?a=b", "301 /?a=b"],
    ["/blog/2026/x", "302 /news/2026/x"],
    ["/blog/late", "302 /news/late"],
    ["/user/7?a=b", "308 /profiles/7?from=user"],
    ["/user/7/8", "worker"],
    ["/out/a/b?q=1", "302 https://example.com/a/b?q=1"],
    ["/app/deep/link", "= /index.html"],
    ["/gone/x", "worker"],
    ["/page.html", "= /page.html"],
  ])("%p leads to %p", (target, expected) => {
    expect(ask(index, target)).toBe(expected);
  });

  test.each(["/go//evil.com", "/go/%2F/evil.com", "/go/\\evil.com", "/go/\\\\evil.com"])(
    "%p does not lead to another host",
    (target) => {
      expect(ask(index, target)).toMatch(/^302 \/[^/\\]/);
    },
  );
});

describe("_headers", () => {
  const index = indexOf(["/a.txt", "/deep/b.txt"], {
    headers: [
      {
        from: "/*",
        set: [
          ["x-all", "1"],
          ["link", "<a>"],
        ],
        unset: [],
      },
      {
        from: "/deep/:file",
        set: [
          ["x-file", "is :file"],
          ["link", "<b>"],
        ],
        unset: ["x-all"],
      },
      { from: "https://:tenant.example.com/*", set: [["x-robots-tag", "noindex :tenant"]], unset: [] },
    ],
  });
  const changesOf = (target: string, hostname = "hello.localhost") => {
    const found = index.beforeWorker(query(target, { hostname }));
    if (found?.kind !== "file") throw new Error("no file");
    return { set: Object.fromEntries(found.changes?.set ?? []), unset: [...(found.changes?.unset ?? [])] };
  };

  test("all rules that fit apply, later ones after earlier ones, with what they captured", () => {
    expect(changesOf("/a.txt")).toEqual({ set: { "x-all": "1", link: "<a>" }, unset: [] });
    expect(changesOf("/deep/b.txt")).toEqual({
      set: { link: "<a>, <b>", "x-file": "is b.txt" },
      unset: ["x-all"],
    });
  });

  test("a rule with a host applies there alone, and no answer is then the same for all", () => {
    expect(changesOf("/a.txt", "ada.example.com").set).toMatchObject({ "x-robots-tag": "noindex ada" });
    expect(changesOf("/a.txt", "ada.example.org").set).not.toHaveProperty("x-robots-tag");
    expect(index.sameForAll).toBe(false);
  });
});
