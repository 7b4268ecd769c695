import { describe, expect, test } from "bun:test";
import { isOpenWorkersError, type OpenWorkersError } from "@openworkers/core";
import { loadProject } from "../manifest/project.ts";
import { addWasm, testFolder } from "../testing/files.ts";
import { answerInWorkerd } from "../testing/workerd.ts";
import { type Bundle, bundleProject } from "./bundle.ts";

type Files = Readonly<Record<string, string | Uint8Array>>;

async function bundle(files: Files, path = "."): Promise<Bundle> {
  await using folder = await testFolder(files, { packages: true });
  return await bundleProject(await loadProject(`${folder.path}/${path}`, { name: "test" }));
}

async function refusal(files: Files): Promise<OpenWorkersError> {
  try {
    await bundle(files);
  } catch (thrown) {
    if (isOpenWorkersError(thrown)) return thrown;
    throw thrown;
  }
  throw new Error("it was bundled");
}

const manifest = (extra: Record<string, unknown> = {}) =>
  JSON.stringify({ compatibility_date: "2026-09-01", main: "src/index.ts", ...extra });

const answers: { what: string; files: Files; answer: string }[] = [
  {
    what: "a TypeScript worker on Hono",
    files: {
      "src/index.ts": `import { Hono } from "hono";
        const app = new Hono<{ Bindings: { A: string } }>();
        app.get("/", (c) => c.text("hono"));
        export default app;`,
    },
    answer: "hono",
  },
  {
    what: "a CommonJS package that requires a Node.js module",
    files: {
      "src/index.ts": `import { Buffer } from "safe-buffer";
        export default { fetch: () => new Response(Buffer.from("aGVsbG8=", "base64").toString()) };`,
    },
    answer: "hello",
  },
  {
    what: "WASM, text, data and JSON modules, imported and required",
    files: {
      "src/index.ts": `import add from "./add.wasm"; import again from "./add.wasm?module";
        import text from "./text.txt"; import page from "../pages/page.html"; import sql from "./q.sql";
        import data from "./data.bin"; import json from "./data.json"; import required from "./old.cjs";
        const instance = new WebAssembly.Instance(add); const second = new WebAssembly.Instance(again);
        export default { fetch: () => Response.json([instance.exports.add(2, 3), second.exports.add(1, 1),
          text, page, sql, [...new Uint8Array(data)], json.key, required]) };`,
      "src/old.cjs": `module.exports = "required " + require("./text.txt");`,
      "src/add.wasm": addWasm,
      "src/text.txt": "text",
      "pages/page.html": "<p>",
      "src/q.sql": "select 1",
      "src/data.bin": Uint8Array.of(1, 2),
      "src/data.json": `{"key":"value"}`,
    },
    answer: JSON.stringify([5, 2, "text", "<p>", "select 1", [1, 2], "value", "required text"]),
  },
  {
    what: "JSX with the manifest's factory, a define, an alias and tsconfig paths",
    files: {
      "wrangler.jsonc": manifest({
        main: "src/index.tsx",
        jsx_factory: "h",
        define: { BUILD: '"b7"' },
        alias: { "the-alias": "./src/aliased.ts" },
      }),
      "tsconfig.json": `{ "compilerOptions": { "paths": { "@/*": ["./src/*"] } } }`,
      "src/index.tsx": `import { h } from "@/h"; import aliased from "the-alias"; declare const BUILD: string;
        export default { fetch: () => new Response(<p>{BUILD}{aliased}</p>) };`,
      "src/h.ts": `export const h = (tag: string, _props: unknown, ...children: string[]) => tag + children.join();`,
      "src/aliased.ts": `export default "aliased";`,
    },
    answer: "pb7,aliased",
  },
  {
    what: "a dynamic import and process.env.NODE_ENV",
    files: {
      "src/index.ts": `export default { async fetch() {
        const { lazy } = await import("./lazy.ts"); return new Response(lazy + process.env.NODE_ENV); } };`,
      "src/lazy.ts": `export const lazy = "lazy ";`,
    },
    answer: "lazy production",
  },
  {
    what: "bare and prefixed Node.js modules under nodejs_compat with an old date",
    files: {
      "wrangler.jsonc": manifest({
        compatibility_date: "2024-10-01",
        compatibility_flags: ["nodejs_compat"],
      }),
      "src/index.ts": `import { join } from "path"; import http from "http"; import os from "node:os";
        import { readFileSync } from "fs"; import perf from "node:perf_hooks";
        export default { fetch: () => new Response([join("a", "b"), typeof http.request, typeof os.cpus,
          typeof readFileSync, typeof perf.performance.now].join(" ")) };`,
    },
    answer: "a/b function function function function",
  },
  {
    what: "additional modules found by a rule and imported by a computed name",
    files: {
      "wrangler.jsonc": manifest({
        main: "src/index.ts",
        find_additional_modules: true,
        rules: [{ type: "ESModule", globs: ["lang/*.js"] }],
      }),
      "src/index.ts": `export default { async fetch() {
        const name = ["e", "n"].join(""); return new Response((await import("./lang/" + name + ".js")).default); } };`,
      "src/lang/en.js": `export default "hello";`,
    },
    answer: "hello",
  },
  {
    what: "files as they are with no_bundle",
    files: {
      "wrangler.jsonc": manifest({ main: "dist/worker.js", no_bundle: true }),
      "dist/worker.js": `import { part } from "./parts/part.js"; import text from "./a.txt";
        export default { fetch: () => new Response(part + text) };`,
      "dist/parts/part.js": `export const part = "part ";`,
      "dist/a.txt": "text",
    },
    answer: "part text",
  },
  {
    what: "cloudflare: modules, which are the runtime's",
    files: {
      "src/index.ts": `import { WorkerEntrypoint } from "cloudflare:workers";
        export default class extends WorkerEntrypoint { fetch() { return new Response("entrypoint"); } }`,
    },
    answer: "entrypoint",
  },
];

describe("the runtime runs a bundle of", () => {
  for (const { what, files, answer } of answers) {
    test(what, async () => {
      const { code } = await bundle({ "wrangler.jsonc": manifest(), ...files });
      expect(await answerInWorkerd(code)).toBe(answer);
    });
  }
});

describe("a bundle", () => {
  test("of one lone file needs no manifest and is named after the file", async () => {
    await using folder = await testFolder({ "my_worker.js": "export default { fetch() {} };" });
    const project = await loadProject(`${folder.path}/my_worker.js`);
    expect(project.name).toBe("my-worker");
    expect((await bundleProject(project)).code.modules.map(({ name }) => name)).toEqual(["index.js"]);
  });

  test("keeps a source map that names sources relative to the project, with the text of its own and of no package", async () => {
    const source = `import { Hono } from "hono"; export default new Hono();`;
    const { code } = await bundle({ "src/index.ts": source });
    const { sources, sourcesContent } = JSON.parse(
      new TextDecoder().decode(code.sourceMaps.get("index.js")),
    ) as {
      sources: string[];
      sourcesContent: (string | null)[];
    };
    const texts = sources.flatMap((name, index) =>
      sourcesContent[index] === null ? [] : [[name, sourcesContent[index]]],
    );
    expect(texts).toEqual([["src/index.ts", source]]);
    expect(sources.length).toBeGreaterThan(1);
  });

  test("is the same, byte for byte, wherever the project lies", async () => {
    const files = { "src/index.ts": `import { Hono } from "hono"; export default new Hono();` };
    const [one, other] = [await bundle(files), await bundle(files)];
    expect(one.code.modules[0]?.content).toEqual(other.code.modules[0]?.content ?? new Uint8Array());
    expect(one.code.sourceMaps).toEqual(other.code.sourceMaps);
  });

  test("of a worker in the service worker syntax is recognised", async () => {
    const files = { "index.js": `addEventListener("fetch", (e) => e.respondWith(new Response("old")));` };
    expect((await bundle(files)).format).toBe("service-worker");
    expect((await bundle({ "index.js": "export default {}" })).format).toBe("modules");
  });

  test("lists the sources that a watcher must watch", async () => {
    const { inputs } = await bundle({
      "index.js": `import t from "./a.txt"; import { b } from "./b.js"; export default { t, b };`,
      "a.txt": "a",
      "b.js": "export const b = 1;",
    });
    expect(inputs.map((path) => path.split("/").at(-1))).toEqual(
      expect.arrayContaining(["index.js", "b.js", "a.txt"]),
    );
  });
});

describe("a bundle is refused", () => {
  test("with file, line, column and source line of a syntax error", async () => {
    const error = await refusal({ "src/index.ts": "const a = 1;\nconst b = ;\nexport default {};" });
    expect(error.code).toBe("BUNDLE_FAILED");
    expect(error.message).toContain("src/index.ts:2:11:");
    expect(error.message).toContain("2 | const b = ;");
    expect(error.details?.errors).toMatchObject([{ file: "src/index.ts", line: 2, column: 11 }]);
  });

  test("with `npm install` as the next step when a dependency is not installed", async () => {
    const error = await refusal({
      "package.json": `{ "name": "x", "dependencies": { "left-out": "1.0.0" } }`,
      "src/index.ts": `import "left-out";\nexport default {};`,
    });
    expect(error.message).toContain('src/index.ts:1:8: Could not resolve "left-out"');
    expect(error.hint).toMatch(/Run `npm install` in .*left-out is in its package.json/);
  });

  test("with the package's name when it is in no package.json", async () => {
    const error = await refusal({ "src/index.ts": `import "@nobody/nothing/deep";\nexport default {};` });
    expect(error.hint).toContain("npm install @nobody/nothing`");
  });

  test("with nodejs_compat as the next step when a bare Node.js module is imported without it", async () => {
    const error = await refusal({
      "wrangler.jsonc": manifest({ compatibility_date: "2025-01-01" }),
      "src/index.ts": `import { readFile } from "fs"; export default { readFile };`,
    });
    expect(error.hint).toContain("nodejs_compat");
  });

  test("with its biggest parts when it is too large", async () => {
    const error = await refusal({
      "src/index.ts": `import big from "./big.bin"; export default { big };`,
      "src/big.bin": new Uint8Array(11 * 2 ** 20),
    });
    expect(error.code).toBe("SCRIPT_TOO_LARGE");
    expect(error.message).toMatch(/11\.0 MiB {2}src\/big\.bin/);
  });
});

describe("JSX", () => {
  const page = "export default { fetch: () => new Response(String(<p>hello</p>)) };";
  const main = manifest({ main: "src/index.tsx" });
  const ofHono = JSON.stringify({ compilerOptions: { jsx: "react-jsx", jsxImportSource: "hono/jsx" } });
  const warned = async (files: Files) => (await bundle({ "wrangler.json": main, ...files })).warnings;

  test("without a word on whose it is calls React, as with wrangler, and a warning says what to do", async () => {
    const [warning, ...others] = await warned({ "src/index.tsx": page });
    expect(others).toEqual([]);
    expect(warning).toContain("src/index.tsx: its JSX calls React.createElement, and React is not defined.");
    expect(warning).toContain('"jsxImportSource": "hono/jsx"');
  });

  test.each<[string, Files]>([
    ["a tsconfig.json", { "src/index.tsx": page, "tsconfig.json": ofHono }],
    ["a comment", { "src/index.tsx": `/** @jsxRuntime automatic @jsxImportSource hono/jsx */ ${page}` }],
    ["a React of its own", { "src/index.tsx": `const React = { createElement: () => "<p>" }; ${page}` }],
    [
      "an import",
      {
        "src/index.tsx": `import * as React from "./mine.ts"; ${page}`,
        "src/mine.ts": 'export const createElement = () => "<p>";',
      },
    ],
    ["no JSX", { "src/index.tsx": "export default { fetch: () => new Response('hello') };" }],
  ])("with %s is no reason for a warning", async (_, files) => {
    expect(await warned(files)).toEqual([]);
  });
});
