import { describe, expect, test } from "bun:test";
import { resolvePath } from "./html-handling.ts";

type Mode = Parameters<typeof resolvePath>[1];

/** What `path` leads to among `files`: `= file`, `> redirect`, or nothing. */
function lead(mode: Mode, files: readonly string[], path: string): string {
  const found = resolvePath(path, mode, (file) => files.includes(file));
  if (found === undefined) return "nothing";
  return "file" in found ? `= ${found.file}` : `> ${found.redirect}`;
}

const site = ["/index.html", "/file.html", "/folder/index.html", "/both.html", "/both/index.html"];

// By https://developers.cloudflare.com/workers/static-assets/routing/advanced/html-handling/
const tables: Record<Mode, Record<string, string>> = {
  "auto-trailing-slash": {
    "/": "= /index.html",
    "/index": "> /",
    "/index.html": "> /",
    "/file": "= /file.html",
    "/file.html": "> /file",
    "/file/": "> /file",
    "/file/index": "> /file",
    "/file/index.html": "> /file",
    "/folder": "> /folder/",
    "/folder.html": "> /folder/",
    "/folder/": "= /folder/index.html",
    "/folder/index": "> /folder/",
    "/folder/index.html": "> /folder/",
    "/both": "= /both.html",
    "/both.html": "> /both",
    "/both/": "= /both/index.html",
    "/both/index": "> /both/",
    "/both/index.html": "> /both/",
    "/none": "nothing",
    "/none/": "nothing",
  },
  "force-trailing-slash": {
    "/": "= /index.html",
    "/index": "> /",
    "/index.html": "> /",
    "/file": "> /file/",
    "/file.html": "> /file/",
    "/file/": "= /file.html",
    "/file/index": "> /file/",
    "/file/index.html": "> /file/",
    "/folder": "> /folder/",
    "/folder.html": "> /folder/",
    "/folder/": "= /folder/index.html",
    "/folder/index": "> /folder/",
    "/folder/index.html": "> /folder/",
    "/both": "> /both/",
    "/both.html": "= /both.html",
    "/both/": "= /both/index.html",
    "/both/index": "> /both/",
    "/both/index.html": "> /both/",
    "/none": "nothing",
  },
  "drop-trailing-slash": {
    "/": "= /index.html",
    "/index": "> /",
    "/index.html": "> /",
    "/file": "= /file.html",
    "/file.html": "> /file",
    "/file/": "> /file",
    "/file/index": "> /file",
    "/file/index.html": "> /file",
    "/folder": "= /folder/index.html",
    "/folder.html": "> /folder",
    "/folder/": "> /folder",
    "/folder/index": "> /folder",
    "/folder/index.html": "> /folder",
    "/both": "= /both.html",
    "/both.html": "> /both",
    "/both/": "> /both",
    "/both/index": "> /both",
    "/both/index.html": "= /both/index.html",
    "/none": "nothing",
  },
  none: {
    "/": "nothing",
    "/index.html": "= /index.html",
    "/file": "nothing",
    "/file.html": "= /file.html",
    "/folder/": "nothing",
  },
};

for (const [mode, paths] of Object.entries(tables) as [Mode, Record<string, string>][]) {
  describe(mode, () => {
    test.each(Object.entries(paths))("%p leads to %p", (path, expected) => {
      expect(lead(mode, site, path)).toBe(expected);
    });
  });
}

describe("a file with exactly the path's name", () => {
  const files = ["/bin", "/bin.html"];
  test.each(["auto-trailing-slash", "drop-trailing-slash"] as const)(
    "goes before the HTML, with %p",
    (mode) => {
      expect(lead(mode, files, "/bin")).toBe("= /bin");
      // At /bin the other one would come: it stays at its own name, and no other leads to it.
      expect(lead(mode, files, "/bin.html")).toBe("= /bin.html");
      expect(lead(mode, files, "/bin/")).toBe("nothing");
      expect(lead(mode, files, "/bin/index.html")).toBe("nothing");
    },
  );
});

test("no mode redirects in a circle", () => {
  const files = [...site, "/bin", "/bin.html", "/a/index", "/a/index.html", "/index/index.html"];
  const modes = Object.keys(tables) as Mode[];
  for (const mode of modes) {
    for (const path of files.flatMap((file) => [
      file,
      `${file}/`,
      `${file}.html`,
      `${file}/index`,
      file.replace(/(\/index)?\.html$/, ""),
    ])) {
      let here = path;
      for (let hops = 0; lead(mode, files, here).startsWith("> "); hops++) {
        here = lead(mode, files, here).slice(2);
        expect({ mode, path, here, hops }).toMatchObject({ hops: 0 });
      }
    }
  }
});
