import { expect, test } from "bun:test";
import { LruCache } from "./lru-cache.ts";

test("what was not used for longest goes first, as far as the bytes need it", () => {
  const cache = new LruCache<string>(100);
  cache.set("a", "A", 40);
  cache.set("b", "B", 40);
  cache.get("a");
  cache.set("c", "C", 40);
  expect(["a", "b", "c"].map((key) => cache.get(key))).toEqual(["A", undefined, "C"]);
  expect(cache.bytes).toBe(80);
});

test("a value set again counts once", () => {
  const cache = new LruCache<string>(100);
  cache.set("a", "A", 40);
  cache.set("a", "AA", 60);
  expect([cache.get("a"), cache.bytes]).toEqual(["AA", 60]);
});

test("what is larger than everything is not kept, and pushes nothing out", () => {
  const cache = new LruCache<string>(100);
  cache.set("a", "A", 40);
  cache.set("b", "B", 101);
  expect([cache.get("a"), cache.get("b"), cache.bytes]).toEqual(["A", undefined, 40]);
});
