import { computed, signal } from "@angular/core";
import type { IDisposable } from "monaco-editor";
import type { OpenedEditor } from "../../../editor/code-editor.ts";
import type { Table } from "../sql/rows.ts";
import { type Statement, statementAt, statementsOf } from "../sql/statements.ts";
import { suggest } from "./completion.ts";

const language = "pgsql";

/** What the console knows of its editor: the text, what of it would be run, and where a mistake is. */
export class SqlEditor {
  readonly text = signal("");
  private readonly selection = signal({ from: 0, to: 0 });
  /** The statements that are selected, or the one at the cursor. */
  readonly target = computed<readonly Statement[]>(() => {
    const text = this.text();
    const { from, to } = this.selection();
    if (from !== to && text.slice(from, to).trim() !== "") {
      return statementsOf(text.slice(from, to)).map((one) => ({
        ...one,
        from: one.from + from,
        to: one.to + from,
      }));
    }
    const one = statementAt(statementsOf(text), from);
    return one === undefined ? [] : [one];
  });
  readonly #tables: () => readonly Table[];
  readonly #leave: IDisposable[] = [];
  #opened: OpenedEditor | undefined;

  /** @param tables what may be completed */
  constructor(tables: () => readonly Table[]) {
    this.#tables = tables;
  }

  /** @param run what Ctrl/Cmd+Enter does */
  open(opened: OpenedEditor, run: () => void): void {
    this.#opened = opened;
    const { monaco, code } = opened;
    code.updateOptions({ wordBasedSuggestions: "off", lineNumbersMinChars: 3, quickSuggestions: true });
    code.addCommand(monaco.KeyMod.CtrlCmd | monaco.KeyCode.Enter, run);
    const follow = () => {
      const model = code.getModel();
      if (model === null) return;
      this.text.set(model.getValue());
      const selected = code.getSelection();
      if (selected === null) return;
      this.selection.set({
        from: model.getOffsetAt(selected.getStartPosition()),
        to: model.getOffsetAt(selected.getEndPosition()),
      });
    };
    follow();
    this.#leave.push(
      code.onDidChangeModel(follow),
      code.onDidChangeModelContent(follow),
      code.onDidChangeCursorSelection(follow),
      this.#complete(opened),
    );
  }

  /** Marks a mistake at an offset, with its message; without one there is none. */
  mark(offset: number | undefined, message = ""): void {
    const model = this.#opened?.code.getModel();
    if (this.#opened === undefined || model == null) return;
    const { monaco } = this.#opened;
    if (offset === undefined) {
      monaco.editor.setModelMarkers(model, "sql", []);
      return;
    }
    const at = model.getPositionAt(offset);
    const word = model.getWordAtPosition(at);
    const range = {
      startLineNumber: at.lineNumber,
      startColumn: at.column,
      endLineNumber: at.lineNumber,
      endColumn: Math.max(at.column + 1, word?.endColumn ?? 0),
    };
    monaco.editor.setModelMarkers(model, "sql", [
      { ...range, message, severity: monaco.MarkerSeverity.Error },
    ]);
  }

  placeOf(offset: number): { readonly line: number; readonly column: number } | undefined {
    const at = this.#opened?.code.getModel()?.getPositionAt(offset);
    return at === undefined ? undefined : { line: at.lineNumber, column: at.column };
  }

  reveal(offset: number | undefined): void {
    const code = this.#opened?.code;
    const at = offset === undefined ? undefined : code?.getModel()?.getPositionAt(offset);
    if (at === undefined) return;
    code?.setPosition(at);
    code?.revealPositionInCenterIfOutsideViewport(at);
    code?.focus();
  }

  /** Puts a statement behind what is there, and the cursor into it. */
  append(sql: string): void {
    const code = this.#opened?.code;
    const model = code?.getModel();
    if (code === undefined || model == null) return;
    const end = model.getFullModelRange().getEndPosition();
    const range = {
      startLineNumber: end.lineNumber,
      startColumn: end.column,
      endLineNumber: end.lineNumber,
      endColumn: end.column,
    };
    const before = model.getValue().trimEnd();
    const divided = before === "" ? "" : `${before.endsWith(";") ? "" : ";"}\n`;
    code.executeEdits("history", [{ range, text: `${divided}${sql};\n`, forceMoveMarkers: true }]);
    this.reveal(model.getValue().trimEnd().length - 1);
  }

  dispose(): void {
    for (const one of this.#leave.splice(0)) one.dispose();
    this.#opened = undefined;
  }

  #complete({ monaco, code }: OpenedEditor): IDisposable {
    const kinds = {
      table: monaco.languages.CompletionItemKind.Struct,
      column: monaco.languages.CompletionItemKind.Field,
      keyword: monaco.languages.CompletionItemKind.Keyword,
    };
    const order = { column: "1", table: "2", keyword: "3" };
    return monaco.languages.registerCompletionItemProvider(language, {
      triggerCharacters: [".", " "],
      provideCompletionItems: (model, position) => {
        if (model !== code.getModel()) return { suggestions: [] };
        const offset = model.getOffsetAt(position);
        const text = model.getValue();
        const statement = statementsOf(text).findLast(({ from }) => from <= offset);
        const before = text.slice(statement?.from ?? 0, offset);
        const word = model.getWordUntilPosition(position);
        const range = {
          startLineNumber: position.lineNumber,
          endLineNumber: position.lineNumber,
          startColumn: word.startColumn,
          endColumn: word.endColumn,
        };
        // A space alone is no wish for all there is.
        const found = suggest(this.#tables(), statement?.text ?? "", before);
        const wanted = /[\w."]$/.test(before) || /\b(from|join|update|into)\s+$/i.test(before);
        return {
          suggestions: (wanted ? found : []).map(({ kind, label, insert, detail }) => ({
            ...{ label, detail, range, kind: kinds[kind] },
            insertText: insert,
            sortText: `${order[kind]}${label}`,
          })),
        };
      },
    });
  }
}
