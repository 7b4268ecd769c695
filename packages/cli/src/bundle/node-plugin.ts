import type { Plugin } from "esbuild";
import { bareNodeModules, hasNodeCompat } from "./node-modules.ts";

const requiredBuiltin = "openworkers-required-builtin";

/**
 * Leaves `node:*` and `cloudflare:*` imports to the runtime and notes the former in `imported` (without the
 * prefix). Under `nodejs_compat` a bare `path` means `node:path`, as it does in Node.js.
 */
export function runtimeModulesPlugin(
  compatibility: { readonly date: string; readonly flags: readonly string[] },
  imported: Set<string>,
): Plugin {
  const bare = hasNodeCompat(compatibility.date, compatibility.flags) ? [...bareNodeModules] : [];
  const filter = new RegExp(
    `^(?:node:.+|cloudflare:.+|workerd:.+${bare.map((name) => `|${name}`).join("")})$`,
  );
  return {
    name: "openworkers-runtime-modules",
    setup(build) {
      build.onStart(() => imported.clear());
      build.onResolve({ filter }, ({ path, kind }) => {
        const specifier = path.includes(":") ? path : `node:${path}`;
        if (specifier.startsWith("node:")) imported.add(specifier.slice("node:".length));
        // An ES module cannot `require`: esbuild would leave a call that throws. A CommonJS package therefore gets
        // a small module that imports the real one and hands out its default export.
        const required = kind === "require-call" || kind === "require-resolve";
        return required
          ? { path: specifier, namespace: requiredBuiltin }
          : { path: specifier, external: true };
      });
      build.onResolve({ filter: /.*/, namespace: requiredBuiltin }, ({ path }) => ({ path, external: true }));
      build.onLoad({ filter: /.*/, namespace: requiredBuiltin }, ({ path }) => ({
        contents: `import builtin from ${JSON.stringify(path)};\nmodule.exports = builtin;`,
        loader: "js",
      }));
    },
  };
}
