import { expect, test } from "bun:test";
import { RouteIndex, routedPath } from "./route-index.ts";

const patterns = [
  "example.com/*",
  "example.com/api/*",
  "example.com/api/v1/*",
  "example.com/api/v1/exact",
  "example.com/blog/*",
  "example.com/img*",
  "only.example.com/here",
  "*.example.com/*",
  "*.example.com/api/*",
  "*.deep.example.com/*",
  "*.other.org/x/*",
  "root.example.net/",
];
const domains = ["example.com", "shop.example.com", "alone.example.org"];

function index(order: readonly string[]): RouteIndex<string> {
  const routes = new RouteIndex<string>();
  for (const pattern of order) routes.addRoute(pattern, pattern);
  for (const domain of domains) routes.addDomain(domain, `domain ${domain}`);
  return routes;
}

const table: readonly [url: string, answers: string | undefined][] = [
  ["example.com/", "example.com/*"],
  ["example.com/index.html", "example.com/*"],
  ["example.com/api", "example.com/api/*"],
  ["example.com/api/", "example.com/api/*"],
  ["example.com/api/v1", "example.com/api/v1/*"],
  ["example.com/api/v1/exact", "example.com/api/v1/exact"],
  ["example.com/api/v1/exact?query", "example.com/api/v1/exact"],
  ["example.com/api/v1/exact/more", "example.com/api/v1/*"],
  ["example.com/apiary", "example.com/*"],
  ["example.com/API/x", "example.com/*"],
  ["example.com/blog", "example.com/blog/*"],
  ["example.com/blo", "example.com/*"],
  ["example.com/img", "example.com/img*"],
  ["example.com/images/a.png", "example.com/*"],
  ["example.com/img/a.png", "example.com/img*"],
  ["example.com/a/../api/x", "example.com/api/*"],
  ["example.com/a/%2e%2E/api/x", "example.com/api/*"],
  ["example.com/api/../secret", "example.com/*"],
  ["example.com/a\\..\\..\\api\\x", "example.com/api/*"],
  ["example.com//other.org/../api/x", "example.com/*"],
  ["only.example.com/here", "only.example.com/here"],
  ["only.example.com/elsewhere", "*.example.com/*"],
  ["shop.example.com/api/x", "domain shop.example.com"],
  ["a.example.com/api/x", "*.example.com/api/*"],
  ["a.b.example.com/x", "*.example.com/*"],
  ["a.deep.example.com/api/x", "*.deep.example.com/*"],
  ["deep.example.com/x", "*.example.com/*"],
  ["badexample.com/", undefined],
  ["a.other.org/x/y", "*.other.org/x/*"],
  ["a.other.org/y", undefined],
  ["other.org/x/y", undefined],
  ["root.example.net/", "root.example.net/"],
  ["root.example.net/a", undefined],
  ["alone.example.org/a/b", "domain alone.example.org"],
];

for (const [url, answers] of table) {
  test(`${url} is answered by ${answers ?? "nobody"}, in whichever order the routes came`, () => {
    const slash = url.indexOf("/");
    const found = [patterns, patterns.toReversed()].map((order) =>
      index(order).find(url.slice(0, slash), routedPath(url.slice(slash))),
    );
    expect(found).toEqual([answers, answers]);
  });
}
