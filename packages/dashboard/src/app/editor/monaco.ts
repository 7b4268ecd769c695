import * as monaco from "monaco-editor";
import type { AmbientTypes } from "./code-editor.ts";

// Monaco asks for its workers through this; they are files of ours, so that the policy may forbid `blob:`.
Object.assign(globalThis, {
  MonacoEnvironment: {
    getWorker: (_id: string, label: string) =>
      label === "typescript" || label === "javascript"
        ? new Worker(new URL("./typescript.worker", import.meta.url), { type: "module" })
        : new Worker(new URL("./editor.worker", import.meta.url), { type: "module" }),
  },
});

const { ModuleKind, ModuleResolutionKind, ScriptTarget, typescriptDefaults } = monaco.typescript;

typescriptDefaults.setCompilerOptions({
  target: ScriptTarget.ESNext,
  module: ModuleKind.ESNext,
  moduleResolution: ModuleResolutionKind.NodeJs,
  lib: ["esnext"],
  strict: true,
  sourceMap: true,
  allowNonTsExtensions: true,
  // What imports are called when compiled, `compile` sees to.
  rewriteRelativeImportExtensions: true,
  allowJs: true,
});
typescriptDefaults.setEagerModelSync(true);

/** Declarations for all that is edited on this page. */
export function setTypes(types: readonly AmbientTypes[]): void {
  typescriptDefaults.setExtraLibs(
    types.map(({ path, text }) => ({ filePath: `file:///types/${path}`, content: text })),
  );
}

/**
 * A script's language: JavaScript is TypeScript's too, or a module in the one would not see those in the other. By the
 * name where it is undefined.
 */
export function languageOf(name: string): string | undefined {
  return /\.[mc]?js$/.test(name) ? "typescript" : undefined;
}

export { monaco };
