import { expect, test } from "bun:test";
import type { Module } from "@openworkers/core";
import { deployedSources, originalSources } from "./sources.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const script = (name: string, text = ""): Module => ({ name, type: "esModule", content: bytes(text) });
const map = (sources: Record<string, string | null>) =>
  JSON.stringify({
    version: 3,
    mappings: "",
    sources: Object.keys(sources),
    sourcesContent: Object.values(sources),
  });

test("a version that was compiled here opens as it was written", () => {
  const modules = [
    script("index.js"),
    script("lib/text.js"),
    { name: "a.wasm", type: "wasm", content: bytes("x") } as const,
  ];
  const maps = new Map([
    ["index.js", map({ "index.ts": "main", "types.d.ts": "declared" })],
    ["lib/text.js", map({ "lib/text.ts": "text" })],
  ]);
  expect(originalSources(modules, maps)).toEqual({
    original: true,
    packages: false,
    modules: [
      { name: "index.ts", content: "main" },
      { name: "types.d.ts", content: "declared" },
      { name: "lib/text.ts", content: "text" },
      { name: "a.wasm", type: "wasm", content: bytes("x") },
    ],
  });
});

test("a bundle opens as its own sources, the entry first, its files by the names that they are imported by", () => {
  const files = [
    script("index.js"),
    { name: "0123456789abcdef-add.wasm", type: "wasm", content: bytes("x") } as const,
  ];
  const sources = {
    "node_modules/hono/index.js": null,
    "shim:process": "made up",
    "src/math.ts": `import add from "../wasm/add.wasm";`,
    "src/index.ts": "main",
  };
  const opened = originalSources(files, new Map([["index.js", map(sources)]]));
  expect(opened?.packages).toBe(true);
  expect(opened?.modules.map(({ name }) => name)).toEqual(["src/index.ts", "src/math.ts", "wasm/add.wasm"]);
});

test("what cannot be compiled here opens as the runtime has it", () => {
  const modules = [script("index.js", "compiled")];
  const wrong: Record<string, string | null>[] = [
    {},
    { "src/index.ts": null },
    { "src/page.tsx": "x", "src/index.ts": "main" },
    { "../shared/a.ts": "x", "src/index.ts": "main" },
  ];
  for (const sources of wrong)
    expect(originalSources(modules, new Map([["index.js", map(sources)]]))).toBeUndefined();
  expect(originalSources(modules, new Map())).toBeUndefined();
  expect(deployedSources(modules).modules).toEqual([
    { name: "index.js", type: "esModule", content: "compiled" },
  ]);
});
