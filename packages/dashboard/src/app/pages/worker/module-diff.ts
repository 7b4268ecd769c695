import {
  ChangeDetectionStrategy,
  Component,
  DestroyRef,
  type ElementRef,
  effect,
  inject,
  input,
  signal,
  viewChild,
} from "@angular/core";
import { CodeTheme } from "../../editor/code-theme.ts";

/** A file before and after, in Monaco, which is loaded for it: beside each other, or in one column where there is no room. */
@Component({
  selector: "ow-module-diff",
  template: `
    <div #place class="h-full w-full"></div>
    @if (loading()) {
      <div class="absolute inset-0 p-4" aria-busy="true" aria-label="Loading the comparison">
        <div class="skeleton h-3.5 w-1/2"></div>
      </div>
    }
  `,
  host: { class: "relative block min-h-0" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class ModuleDiff {
  readonly name = input.required<string>();
  readonly before = input.required<string>();
  readonly after = input.required<string>();
  protected readonly loading = signal(true);
  private readonly place = viewChild.required<ElementRef<HTMLElement>>("place");
  private readonly theme = inject(CodeTheme);

  constructor() {
    let gone = false;
    const leave: (() => void)[] = [];
    inject(DestroyRef).onDestroy(() => {
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
    const { monaco } = await import("../../editor/monaco.ts");
    if (gone()) return;
    const { injector } = this.theme;
    const diff = monaco.editor.createDiffEditor(place, {
      readOnly: true,
      originalEditable: false,
      automaticLayout: true,
      minimap: { enabled: false },
      fontSize: 13,
      lineHeight: 20,
      scrollBeyondLastLine: false,
      fixedOverflowWidgets: true,
      hideUnchangedRegions: { enabled: true },
      renderOverviewRuler: false,
    });
    // Monaco drops them with the next option that it changes by itself.
    const sides = [
      [diff.getOriginalEditor(), "Before"],
      [diff.getModifiedEditor(), "After"],
    ] as const;
    for (const [side, ariaLabel] of sides) {
      const name = () => {
        const label = side.getOption(monaco.editor.EditorOption.ariaLabel);
        if (label !== ariaLabel) side.updateOptions({ ariaLabel });
      };
      side.onDidChangeConfiguration(name);
      name();
    }
    let models: { dispose(): void }[] = [];
    const theme = effect(() => monaco.editor.setTheme(this.theme.isDark() ? "vs-dark" : "vs"), { injector });
    const shown = effect(
      () => {
        const old = models;
        // Languages are told by the name's end. Nothing is checked: these are no files of a project.
        const [original, modified] = [this.before(), this.after()].map((text, side) =>
          monaco.editor.createModel(
            text,
            undefined,
            monaco.Uri.parse(`inmemory://${crypto.randomUUID()}/${side}/${encodeURI(this.name())}`),
          ),
        );
        if (original === undefined || modified === undefined) return;
        models = [original, modified];
        diff.setModel({ original, modified });
        for (const model of old) model.dispose();
      },
      { injector },
    );
    leave.push(() => {
      theme.destroy();
      shown.destroy();
      diff.dispose();
      for (const model of models) model.dispose();
    });
    this.loading.set(false);
  }
}
