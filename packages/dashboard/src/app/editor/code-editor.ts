import {
  ChangeDetectionStrategy,
  Component,
  DestroyRef,
  type ElementRef,
  effect,
  inject,
  input,
  output,
  signal,
  untracked,
  viewChild,
} from "@angular/core";
import type { editor } from "monaco-editor";
import { CodeTheme } from "./code-theme.ts";

/** One file of what is edited. */
export interface CodeFile {
  /** As modules import it: `index.ts`, `lib/text.js`. */
  readonly name: string;
  readonly text: string;
}

/** Declarations that the editor knows without being told by an import. */
export interface AmbientTypes {
  /** Path that it is known by. */
  readonly path: string;
  readonly text: string;
}

/** Monaco itself, for what a page adds to the editor: its own keys, markers, completions. */
export interface OpenedEditor {
  readonly monaco: typeof import("monaco-editor");
  readonly code: editor.IStandaloneCodeEditor;
}

/**
 * Monaco on one of several files, loaded when it is first shown. Each file keeps its own undo history while the editor
 * is there; `changed` says what the reader typed, `saved` that they pressed Ctrl/Cmd+S.
 */
@Component({
  selector: "ow-code-editor",
  template: `
    <div #place class="h-full w-full"></div>
    @if (loading()) {
      <div class="absolute inset-0 p-4" aria-busy="true" aria-label="Loading the editor">
        @for (width of bars; track $index) {
          <div class="skeleton mb-2 h-3.5" [style.width.%]="width"></div>
        }
      </div>
    }
  `,
  host: { class: "relative block min-h-0" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class CodeEditor {
  readonly files = input.required<readonly CodeFile[]>();
  /** Name of the file that is shown. */
  readonly shown = input.required<string>();
  readonly types = input<readonly AmbientTypes[]>([]);
  readonly language = input<string>();
  readonly readOnly = input(false);
  readonly label = input("Code");
  readonly changed = output<CodeFile>();
  readonly saved = output<void>();
  /** It is there; once. */
  readonly opened = output<OpenedEditor>();
  /** Mistakes that the language service sees in all files. */
  readonly problems = output<number>();
  protected readonly loading = signal(true);
  protected readonly bars = [34, 58, 46, 12, 64, 40, 22];
  private readonly place = viewChild.required<ElementRef<HTMLElement>>("place");
  private readonly theme = inject(CodeTheme);
  readonly #models = new Map<string, editor.ITextModel>();
  readonly #states = new Map<string, editor.ICodeEditorViewState | null>();

  constructor() {
    const destroyed = inject(DestroyRef);
    let gone = false;
    const leave: (() => void)[] = [];
    destroyed.onDestroy(() => {
      gone = true;
      for (const end of leave.reverse()) end();
    });
    const began = effect(() => {
      const place = this.place().nativeElement;
      began.destroy();
      void this.#start(place, leave, () => gone);
    });
  }

  async #start(place: HTMLElement, leave: (() => void)[], gone: () => boolean): Promise<void> {
    const { languageOf, monaco, setTypes } = await import("./monaco.ts");
    if (gone()) return;
    const root = monaco.Uri.parse(`file:///${crypto.randomUUID()}/`);
    const uriOf = (name: string) => monaco.Uri.joinPath(root, name);
    const code = monaco.editor.create(place, {
      model: null,
      automaticLayout: true,
      minimap: { enabled: false },
      fontSize: 13,
      lineHeight: 20,
      padding: { top: 12, bottom: 12 },
      scrollBeyondLastLine: false,
      renderLineHighlight: "line",
      fixedOverflowWidgets: true,
      tabSize: 2,
      ariaLabel: this.label(),
      readOnly: this.readOnly(),
    });
    leave.push(() => {
      code.dispose();
      for (const model of this.#models.values()) model.dispose();
    });
    code.addCommand(monaco.KeyMod.CtrlCmd | monaco.KeyCode.KeyS, () => this.saved.emit());
    const markers = monaco.editor.onDidChangeMarkers(() => {
      const mine = [...this.#models.values()].map((model) => model.uri.toString());
      const all = monaco.editor.getModelMarkers({});
      this.problems.emit(
        all.filter(
          ({ resource, severity }) =>
            mine.includes(resource.toString()) && severity === monaco.MarkerSeverity.Error,
        ).length,
      );
    });
    leave.push(() => markers.dispose());
    const watching = [
      effect(() => monaco.editor.setTheme(this.theme.isDark() ? "vs-dark" : "vs"), {
        injector: this.theme.injector,
      }),
      effect(() => setTypes(this.types()), { injector: this.theme.injector }),
      effect(() => code.updateOptions({ readOnly: this.readOnly() }), { injector: this.theme.injector }),
      effect(
        () => {
          const files = this.files();
          untracked(() =>
            this.#follow(files, (file) =>
              monaco.editor.createModel(
                file.text,
                this.language() ?? languageOf(file.name),
                uriOf(file.name),
              ),
            ),
          );
          this.#show(code, this.shown());
        },
        { injector: this.theme.injector },
      ),
    ];
    leave.push(() => {
      for (const one of watching) one.destroy();
    });
    this.loading.set(false);
    this.opened.emit({ monaco, code });
  }

  /** Models for files that came, none for those that went; texts that changed elsewhere are taken over. */
  #follow(files: readonly CodeFile[], create: (file: CodeFile) => editor.ITextModel): void {
    for (const [name, model] of this.#models) {
      if (files.some((file) => file.name === name)) continue;
      model.dispose();
      this.#models.delete(name);
    }
    for (const file of files) {
      const there = this.#models.get(file.name);
      if (there !== undefined) {
        if (there.getValue() !== file.text) there.setValue(file.text);
        continue;
      }
      const model = create(file);
      model.onDidChangeContent(() => this.changed.emit({ name: file.name, text: model.getValue() }));
      this.#models.set(file.name, model);
    }
  }

  #show(code: editor.IStandaloneCodeEditor, name: string): void {
    const model = this.#models.get(name) ?? null;
    const before = [...this.#models].find(([, one]) => one === code.getModel());
    if (before?.[1] === model) return;
    if (before !== undefined) this.#states.set(before[0], code.saveViewState());
    code.setModel(model);
    const state = this.#states.get(name);
    if (state !== undefined && state !== null) code.restoreViewState(state);
  }
}
