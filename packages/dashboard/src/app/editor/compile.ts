import type { Module } from "@openworkers/core";
import type { typescript } from "monaco-editor";
import { linkImports } from "./imports.ts";
import { compiledName, isDeclaration, isScript, type SourceModule, typeOfModule } from "./modules.ts";
import { monaco } from "./monaco.ts";
import { type Problem, placeOf } from "./problem.ts";

export interface Compiled {
  /** As the runtime takes them; the first is the main one. */
  readonly modules: readonly Module[];
  /** By the modules' names, with the sources in them: the editor opens these. */
  readonly sourceMaps: ReadonlyMap<string, Uint8Array>;
  /** What the types say. A worker with such errors runs all the same. */
  readonly typeErrors: readonly Problem[];
  /** Errors that leave nothing to deploy: of syntax, and imports that lead nowhere. */
  readonly errors: readonly Problem[];
}

type Script = SourceModule & { readonly content: string };
type Diagnostic = Awaited<ReturnType<typescript.TypeScriptWorker["getSyntacticDiagnostics"]>>[number];

const encoder = new TextEncoder();

/**
 * Compiles a worker's modules to JavaScript, in Monaco's own TypeScript worker. Types are those that the page has set
 * (`setTypes`).
 *
 * @param modules the first is the main one
 */
export async function compile(modules: readonly SourceModule[]): Promise<Compiled> {
  const scripts = modules.filter(
    (module): module is Script => typeof module.content === "string" && isCode(module),
  );
  const names = new Set(modules.map(({ name }) => name));
  const root = monaco.Uri.parse(`file:///${crypto.randomUUID()}/`);
  // Models of their own: whoever calls need not have an editor, and what is typed meanwhile is not in it.
  const models = scripts.map(({ name, content }) =>
    monaco.editor.createModel(content, "typescript", monaco.Uri.joinPath(root, name)),
  );
  try {
    const worker = await (await languageService())(...models.map(({ uri }) => uri));
    const errors: Problem[] = [...twoOfOneName(modules), ...badJson(modules)];
    const typeErrors: Problem[] = [];
    const linked = new Map<string, { readonly text: string; readonly map: Uint8Array | undefined }>();
    for (const [index, script] of scripts.entries()) {
      const uri = models[index]?.uri.toString() ?? "";
      const told = (found: readonly Diagnostic[]) => found.flatMap((one) => problemOf(one, script));
      const syntax = told(await worker.getSyntacticDiagnostics(uri));
      errors.push(...syntax);
      if (syntax.length > 0) continue;
      if (script.name.endsWith(".ts")) typeErrors.push(...told(await worker.getSemanticDiagnostics(uri)));
      if (isDeclaration(script.name)) continue;
      const { script: emitted, map } = await emit(worker, uri, script);
      const { text, problems } = linkImports(script.name, script.content, emitted, names);
      errors.push(...problems);
      linked.set(script.name, { text, map: map ?? (text === script.content ? undefined : emptyMap) });
    }
    const declared = scripts.filter(({ name }) => isDeclaration(name));
    return { ...together(modules, linked, declared), typeErrors, errors };
  } finally {
    for (const model of models) model.dispose();
  }
}

/**
 * Monaco sets its TypeScript up once the first model is there and a script is loaded; until then it says that there is none.
 *
 * @throws what Monaco says when that takes seconds
 */
async function languageService(): ReturnType<typeof typescript.getTypeScriptWorker> {
  const { getTypeScriptWorker } = monaco.typescript;
  for (let tries = 0; tries < 100; tries++) {
    try {
      return await getTypeScriptWorker();
    } catch {
      await new Promise((done) => setTimeout(done, 50));
    }
  }
  return await getTypeScriptWorker();
}

function isCode(module: SourceModule): boolean {
  return isScript(module) || isDeclaration(module.name);
}

async function emit(worker: typescript.TypeScriptWorker, uri: string, { name, content }: Script) {
  // JavaScript is deployed as it is written.
  if (!name.endsWith(".ts")) return { script: content, map: undefined };
  const { outputFiles } = await worker.getEmitOutput(uri);
  const textOf = (end: string) => outputFiles.find((file) => file.name.endsWith(end))?.text;
  const script = (textOf(".js") ?? "").replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n");
  return { script, map: encoder.encode(textOf(".js.map") ?? "{}") };
}

/** A map that leads nowhere, and holds the source of a script whose imports were rewritten. */
const emptyMap = encoder.encode(JSON.stringify({ version: 3, names: [], mappings: "" }));

function together(
  modules: readonly SourceModule[],
  linked: ReadonlyMap<string, { readonly text: string; readonly map: Uint8Array | undefined }>,
  declared: readonly Script[],
): Pick<Compiled, "modules" | "sourceMaps"> {
  const sourceMaps = new Map<string, Uint8Array>();
  const compiled = modules.flatMap((module, index): Module[] => {
    if (isDeclaration(module.name)) return [];
    const name = compiledName(module.name);
    const { text, map } = linked.get(module.name) ?? {};
    // Declarations are no modules; the main one's map keeps them.
    const kept = index === 0 ? declared : [];
    if (map !== undefined || kept.length > 0) {
      const sources = [module, ...kept].map((each) => ({ name: each.name, text: String(each.content) }));
      sourceMaps.set(name, withSources(map ?? emptyMap, name, sources));
    }
    return [{ name, type: typeOfModule(module), content: bytesOf(text ?? module.content) }];
  });
  return { modules: compiled, sourceMaps };
}

/** Names as stacks are to show them, and the texts. */
function withSources(
  map: Uint8Array,
  file: string,
  sources: readonly { readonly name: string; readonly text: string }[],
): Uint8Array {
  const { sourceRoot: _, ...rest } = JSON.parse(new TextDecoder().decode(map)) as { sourceRoot?: string };
  return encoder.encode(
    JSON.stringify({
      ...rest,
      file,
      sources: sources.map(({ name }) => name),
      sourcesContent: sources.map(({ text }) => text),
    }),
  );
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? encoder.encode(content) : content;
}

function twoOfOneName(modules: readonly SourceModule[]): Problem[] {
  const seen = new Map<string, string>();
  return modules.flatMap(({ name }) => {
    const other = seen.get(compiledName(name));
    seen.set(compiledName(name), name);
    if (other === undefined) return [];
    const message = `${other} and ${name} would both be ${compiledName(name)}. Rename one of them.`;
    return [{ file: name, line: 1, column: 1, message, severity: "error" as const, source: "import" }];
  });
}

function badJson(modules: readonly SourceModule[]): Problem[] {
  return modules.flatMap((module): Problem[] => {
    if (typeOfModule(module) !== "json" || typeof module.content !== "string") return [];
    try {
      JSON.parse(module.content);
      return [];
    } catch (thrown) {
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      const [, offset = "0"] = /at position (\d+)/.exec(message) ?? [];
      const place = placeOf(module.content, Number(offset));
      return [{ file: module.name, ...place, message, severity: "error", source: "json" }];
    }
  });
}

const errorCategory = 1;

function problemOf({ category, start, messageText, code }: Diagnostic, script: Script): Problem[] {
  if (category !== errorCategory) return [];
  return [
    {
      file: script.name,
      ...placeOf(script.content, start ?? 0),
      message: flat(messageText),
      severity: "error",
      source: `ts ${code}`,
    },
  ];
}

function flat(message: Diagnostic["messageText"]): string {
  return typeof message === "string" ? message : message.messageText;
}
