import { relative } from "node:path";
import type { BuildOptions } from "esbuild";
import type { Project } from "../manifest/project.ts";

/** Name of the main module, whatever its source is called. */
export const mainModule = "index.js";

/** What every build here shares with wrangler's (workers-sdk, deployment-bundle/bundle.ts, COMMON_ESBUILD_OPTIONS). */
export const syntaxOptions = {
  target: "es2024",
  supported: { "import-source": true },
  loader: { ".js": "jsx", ".mjs": "jsx", ".cjs": "jsx" },
  format: "esm",
  logLevel: "silent",
} as const satisfies BuildOptions;

/** esbuild's options for a project, plugins aside. Nothing is written to disk. */
export function bundleOptions(project: Project, mode: "production" | "development") {
  const { build, root, entry } = project;
  const nodeEnv = JSON.stringify(mode);
  return {
    ...syntaxOptions,
    entryPoints: [entry],
    absWorkingDir: root,
    // Source paths in the map are relative to the output folder: the same for everybody who builds this project,
    // and the path of nobody's machine.
    outdir: root,
    entryNames: mainModule.replace(/\.js$/, ""),
    write: false,
    bundle: true,
    metafile: true,
    sourcemap: "external",
    minify: build.minify,
    keepNames: build.keepNames,
    platform: "browser",
    conditions: ["workerd", "worker", "browser"],
    define: {
      "navigator.userAgent": '"Cloudflare-Workers"',
      "process.env.NODE_ENV": nodeEnv,
      "global.process.env.NODE_ENV": nodeEnv,
      "globalThis.process.env.NODE_ENV": nodeEnv,
      ...build.define,
    },
    ...(build.jsxFactory === undefined ? {} : { jsxFactory: build.jsxFactory }),
    ...(build.jsxFragment === undefined ? {} : { jsxFragment: build.jsxFragment }),
    ...(build.tsconfig === undefined ? {} : { tsconfig: build.tsconfig }),
  } satisfies BuildOptions;
}

/** A source's path as messages show it. */
export function shownPath(project: Project, path: string): string {
  return relative(project.root, path) || path;
}
