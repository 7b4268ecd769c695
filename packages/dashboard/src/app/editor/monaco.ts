import type { AmbientTypes } from "./code-editor.ts";
import { environment } from "./environment.ts";
import { loadStyles } from "./styles.ts";

Object.assign(globalThis, { MonacoEnvironment: environment });
// Not by a static import: all of Monaco would run before the line above.
const [monaco] = await Promise.all([import("monaco-editor"), loadStyles()]);

// What Monaco has these in is too faint to be read, above all on what a comparison marks: WCAG AA wants a contrast of 4.5.
// Unused names it dims further.
const colors = {
  "editorUnnecessaryCode.opacity": "#000000ff",
  "diffEditor.insertedLineBackground": "#9bb95518",
  "diffEditor.insertedTextBackground": "#9ccc2c28",
  "diffEditor.removedLineBackground": "#ff00000c",
  "diffEditor.removedTextBackground": "#ff000018",
};
const light = {
  string: "8f1414",
  "string.sql": "8f1414",
  type: "17566a",
  number: "06633f",
  comment: "00640a",
};
const dark = { "string.sql": "ce9178", comment: "7fae6b", keyword: "74b1e6" };
// The backgrounds are the pages' `surface`.
for (const [base, background, foregrounds] of [
  ["vs", "#ffffff", { ...light, "operator.sql": "5a6472" }],
  ["vs-dark", "#131519", dark],
] as const) {
  const rules = Object.entries(foregrounds).map(([token, foreground]) => ({ token, foreground }));
  monaco.editor.defineTheme(base, {
    base,
    inherit: true,
    rules,
    colors: { ...colors, "editor.background": background },
  });
}

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
