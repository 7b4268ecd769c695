import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { defaultLimits, defaultMaxima, terminations } from "@openworkers/core";

const root = join(import.meta.dir, "..");
const pages = ["*.md", "docs/**/*.md", "examples/*.md"].flatMap((pattern) => [
  ...new Bun.Glob(pattern).scanSync(root),
]);

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** The anchors that a Markdown renderer gives to a page's headings. */
function anchors(page: string): Set<string> {
  const headings = [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) => title);
  return new Set(
    headings.map((title) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

describe("documentation", () => {
  test("there is some to check", () => {
    expect(pages).toContain("docs/threat-model.md");
  });

  test("every relative link leads to a file, and to a heading when it names one", () => {
    const broken: string[] = [];
    for (const page of pages) {
      for (const [, target = ""] of read(page).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const [path = "", anchor] = target.split("#");
        const file = path === "" ? page : normalize(join(dirname(page), path));
        if (!existsSync(join(root, file))) broken.push(`${page}: ${target} (no such file)`);
        else if (anchor !== undefined && !anchors(file).has(anchor))
          broken.push(`${page}: ${target} (no heading)`);
      }
    }
    expect(broken).toEqual([]);
  });

  test("every test that a page names exists under that title", () => {
    const missing: string[] = [];
    let named = 0;
    for (const page of pages) {
      for (const [, path = "", title] of read(page).matchAll(/`([\w./-]+\.test\.ts)`(?:: “([^”]+)”)?/g)) {
        named += 1;
        if (!existsSync(join(root, path))) missing.push(`${page}: ${path}`);
        else if (title !== undefined && !read(path).includes(title))
          missing.push(`${page}: ${path}: ${title}`);
      }
    }
    expect(missing).toEqual([]);
    expect(named).toBeGreaterThan(20);
  });

  test("every claim of the threat model names the test that attacks it", () => {
    const unproven = read("docs/threat-model.md")
      .split("\n")
      .filter((line) => /^\| [A-Z]\d+ /.test(line) && !line.includes(".test.ts`: “"));
    expect(unproven).toEqual([]);
  });

  test("every claim of the threat model has a name of its own", () => {
    const names = [...read("docs/threat-model.md").matchAll(/^\| ([A-Z]\d+) /gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name, index) => names.indexOf(name) < index)).toEqual([]);
  });
});

describe("README.md", () => {
  test("gives the command that CI runs on a clean clone", () => {
    const ci = read(".ci/run").trimEnd().split("\n").at(-1) ?? "";
    expect(read("README.md")).toContain(`\n${ci}\n`);
    expect(read("CONTRIBUTING.md")).toContain(`\n${ci}\n`);
  });

  test("speaks of no npm script that is not there", async () => {
    const { scripts } = await Bun.file(join(root, "package.json")).json();
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/`npm (?:run )?(start|test|bench|check|fix)\b/g)].map(([, name = ""]) => name),
    );
    expect([...new Set(named)].sort().filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe("docs/limits.md", () => {
  const rows = read("docs/limits.md")
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").map((cell) => cell.trim()));

  test("gives every limit with its default and its maximum", () => {
    const written = rows
      .map(([, name = "", fallback = "", most = ""]) => [name.replaceAll("`", ""), fallback, most])
      .filter(([name]) => name !== undefined && name in defaultLimits);
    const format = (value: number): string => value.toLocaleString("en-US");
    const maxima = new Map(Object.entries(defaultMaxima));
    expect(written).toEqual(
      Object.entries(defaultLimits).map(([name, value]) => [
        name,
        format(value),
        format(maxima.get(name) ?? 0),
      ]),
    );
  });

  test("gives every termination reason with its status", () => {
    const written = rows
      .map(([, name = "", status = ""]) => [name.replaceAll("`", ""), Number(status)])
      .filter(([name]) => typeof name === "string" && name in terminations);
    expect(written).toEqual(Object.entries(terminations).map(([name, { status }]) => [name, status]));
  });
});
