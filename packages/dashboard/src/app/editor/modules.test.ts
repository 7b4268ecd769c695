import { describe, expect, test } from "bun:test";
import { linkImports } from "./imports.ts";
import { nameIssue, relativeSpecifier, resolveModule, typeOfModule } from "./modules.ts";
import { problemOfStack } from "./problem.ts";

const names = new Set(["index.ts", "lib/text.ts", "lib/index.js", "lib/deep/a.ts", "data.json", "odd.mjs"]);

test("an import means the module that TypeScript finds for it", () => {
  const cases: [string, string, string | undefined][] = [
    ["./lib/text", "index.ts", "lib/text.ts"],
    ["./lib/text.js", "index.ts", "lib/text.ts"],
    ["./lib/text.ts", "index.ts", "lib/text.ts"],
    ["./lib", "index.ts", "lib/index.js"],
    ["../text", "lib/deep/a.ts", "lib/text.ts"],
    ["../../data.json", "lib/deep/a.ts", "data.json"],
    ["../../../data.json", "lib/deep/a.ts", undefined],
    ["./text", "index.ts", undefined],
    ["hono", "index.ts", undefined],
    ["odd.mjs", "index.ts", "odd.mjs"],
  ];
  for (const [specifier, from, found] of cases) {
    expect([specifier, from, resolveModule(specifier, from, names)]).toEqual([specifier, from, found]);
  }
  expect(relativeSpecifier("lib/deep/a.ts", "data.json")).toBe("../../data.json");
  expect(relativeSpecifier("lib/text.ts", "lib/deep/a.js")).toBe("./deep/a.js");
});

describe("a compiled script", () => {
  const link = (script: string, from = "index.ts") => linkImports(from, script, script, names);

  test("imports by the names that modules have when compiled, dynamically too", () => {
    const script = `import a from "./lib/text";\nexport * from './lib/index';\nconst b = await import("./lib/deep/a.ts");\nimport "cloudflare:workers";`;
    expect(link(script)).toEqual({
      text: `import a from "./lib/text.js";\nexport * from './lib/index.js';\nconst b = await import("./lib/deep/a.js");\nimport "cloudflare:workers";`,
      problems: [],
    });
    expect(link("const name = './x'; import(name); // import 'hono'").problems).toEqual([]);
  });

  test("that imports a package or a module that is not there is told where", () => {
    const { problems } = link(`import { Hono } from "hono";\n  import x from "./missing";`);
    expect(problems.map(({ line, column }) => [line, column])).toEqual([
      [1, 22],
      [2, 17],
    ]);
    expect(problems[0]?.message).toContain("`ow deploy`");
    expect(problems[1]?.message).toBe("There is no module ./missing.");
  });
});

test("a new module's name can be a file's, and none that another one would have", () => {
  const issue = (name: string) => nameIssue(name, ["index.ts", "lib/a.js"]);
  for (const name of ["text.ts", "lib/b.js", "a-b_c.json", "notes.txt"])
    expect([name, issue(name)]).toEqual([name, undefined]);
  for (const name of [
    "",
    "../a.ts",
    "/a.ts",
    "a//b.ts",
    "a/./b.ts",
    "a.wasm",
    "a",
    "index.ts",
    "index.js",
    "lib/a.ts",
    ".ts/",
  ]) {
    expect([name, typeof issue(name)]).toEqual([name, "string"]);
  }
  expect(typeOfModule({ name: "a.sql" })).toBe("text");
  expect(typeOfModule({ name: "a.foo", type: "data" })).toBe("data");
});

test("a stack leads to its first line in one of the modules", () => {
  const stack =
    "Uncaught Error: no key\n    at eval (native)\n    at open (lib/text.ts:3:17)\n    at index.ts:1:1";
  expect(problemOfStack(stack, ["index.ts", "lib/text.ts"])).toMatchObject({
    file: "lib/text.ts",
    line: 3,
    column: 17,
    message: "Error: no key",
  });
  expect(problemOfStack("Error: elsewhere", ["index.ts"])).toBeUndefined();
});
