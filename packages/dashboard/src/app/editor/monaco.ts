import type { AmbientTypes } from "./code-editor.ts";
import { environment } from "./environment.ts";
import { loadStyles } from "./styles.ts";

Object.assign(globalThis, { MonacoEnvironment: environment });
// Not by a static import: all of Monaco would run before the line above.
const [monaco] = await Promise.all([import("monaco-editor"), loadStyles()]);

// What Monaco has these in is too faint to be read: WCAG AA wants a contrast of 4.5. Unused names it dims further.
const colors = { "editorUnnecessaryCode.opacity": "#000000ff" };
monaco.editor.defineTheme("vs", {
  base: "vs",
  inherit: true,
  rules: [
    { token: "string.sql", foreground: "a31515" },
    { token: "operator.sql", foreground: "5a6472" },
  ],
  colors,
});
monaco.editor.defineTheme("vs-dark", {
  base: "vs-dark",
  inherit: true,
  rules: [{ token: "string.sql", foreground: "ce9178" }],
  colors,
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
 * A module's language; by its name where it is undefined. JavaScript is TypeScript's too, or a module in the one would not
 * see those in the other.
 */
export function languageOf(name: string): string | undefined {
  if (/\.[mc]?js$/.test(name)) return "typescript";
  // Their services would be further workers, for what here is only a text.
  return /\.(html?|css|scss|less)$/.test(name) ? "plaintext" : undefined;
}

export { monaco };
