import type { Plugin } from "esbuild";

/** The manifest's `alias`: whole specifiers replaced, the replacement resolved from the project's root. */
export function aliasPlugin(alias: Readonly<Record<string, string>>, root: string): Plugin {
  const names = Object.keys(alias);
  return {
    name: "openworkers-alias",
    setup(build) {
      if (names.length === 0) return;
      const filter = new RegExp(
        `^(?:${names.map((name) => name.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")).join("|")})$`,
      );
      build.onResolve({ filter }, async ({ path, kind }) => {
        const target = alias[path];
        if (target === undefined || target === path) return undefined;
        return await build.resolve(target, { kind, resolveDir: root });
      });
    },
  };
}
