import {
  ChangeDetectionStrategy,
  Component,
  computed,
  type ElementRef,
  effect,
  inject,
  resource,
  signal,
  viewChild,
} from "@angular/core";
import { Router } from "@angular/router";
import { Api } from "../api/api.ts";
import { Session } from "../session/session.ts";
import { PaletteState } from "./palette-state.ts";
import { places } from "./places.ts";
import { SingleKeys } from "./single-keys.ts";

interface Target {
  readonly name: string;
  readonly kind: string;
  readonly path: string;
}

const shownAtMost = 12;
const chordMs = 1_000;

/** Ctrl/Cmd+K: any page or worker by a few letters of its name. `g` and a letter go to a page at once. */
@Component({
  selector: "ow-palette",
  template: `
    <dialog
      #dialog
      aria-label="Go to"
      class="fixed inset-x-0 top-[12vh] m-auto w-[min(92vw,34rem)] rounded-xl border border-line bg-raised p-0 text-text shadow-xl backdrop:bg-[rgb(0_0_0/35%)]"
      (close)="state.open.set(false)"
      (click)="$event.target === dialog && dialog.close()"
    >
      <input
        #search
        class="w-full border-b border-line bg-transparent px-4 py-3 text-base outline-none placeholder:text-muted"
        placeholder="Go to a page or worker…"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        [attr.aria-activedescendant]="found().length > 0 ? 'palette-' + chosen() : null"
        autocomplete="off"
        spellcheck="false"
        [value]="query()"
        (input)="query.set($any($event.target).value); chosen.set(0)"
        (keydown)="move($event)"
      />
      <ul id="palette-list" role="listbox" aria-label="Results" class="max-h-80 overflow-y-auto p-1.5">
        @for (target of found(); track target.path; let index = $index) {
          <li
            role="option"
            [id]="'palette-' + index"
            [attr.aria-selected]="index === chosen()"
            class="flex h-9 cursor-pointer items-center justify-between rounded-md px-2.5"
            [class.bg-hover]="index === chosen()"
            (pointermove)="chosen.set(index)"
            (click)="go(target)"
          >
            <span class="truncate">{{ target.name }}</span><span class="text-xs text-muted">{{ target.kind }}</span>
          </li>
        } @empty {
          <li class="px-2.5 py-6 text-center text-muted">Nothing is called that.</li>
        }
      </ul>
    </dialog>
  `,
  host: { "(document:keydown)": "key($event)" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Palette {
  protected readonly state = inject(PaletteState);
  protected readonly query = signal("");
  protected readonly chosen = signal(0);
  private readonly router = inject(Router);
  private readonly client = inject(Api);
  private readonly session = inject(Session);
  private readonly singleKeys = inject(SingleKeys);
  private readonly dialog = viewChild.required<ElementRef<HTMLDialogElement>>("dialog");
  private chordAt = 0;

  // Asked for when it opens: workers come and go.
  private readonly workers = resource({
    params: () => (this.state.open() ? {} : undefined),
    loader: ({ abortSignal }) =>
      this.client.data(
        this.client.api.GET("/v1/workers", { params: { query: { limit: 100 } }, signal: abortSignal }),
      ),
  });
  protected readonly found = computed(() => {
    const operator = this.session.person()?.isOperator === true;
    const pages: Target[] = places
      .flatMap((group) => group.places)
      .filter(({ system }) => system !== true || operator)
      .map(({ name, path }) => ({ name, path, kind: "Page" }));
    const workers: Target[] = (this.workers.hasValue() ? this.workers.value().items : []).map(({ name }) => ({
      name,
      path: `/workers/${name}`,
      kind: "Worker",
    }));
    const query = this.query().trim().toLowerCase();
    const all = [...pages, ...workers].filter(({ name }) => name.toLowerCase().includes(query));
    return all.slice(0, shownAtMost);
  });

  constructor() {
    effect(() => {
      const { nativeElement } = this.dialog();
      if (this.state.open() && !nativeElement.open) {
        this.query.set("");
        this.chosen.set(0);
        nativeElement.showModal();
      }
      if (!this.state.open() && nativeElement.open) nativeElement.close();
    });
  }

  protected key(event: KeyboardEvent): void {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      this.state.open.update((open) => !open);
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (!this.singleKeys.on()) return;
    if (event.key === "g") {
      this.chordAt = event.timeStamp;
      return;
    }
    if (event.timeStamp - this.chordAt > chordMs) return;
    this.chordAt = 0;
    const place = places.flatMap((group) => group.places).find(({ key }) => key === event.key);
    if (place !== undefined) void this.router.navigateByUrl(place.path);
  }

  protected move(event: KeyboardEvent): void {
    const count = this.found().length;
    if (event.key === "Enter") {
      const target = this.found()[this.chosen()];
      if (target !== undefined) this.go(target);
      return;
    }
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0 || count === 0) return;
    event.preventDefault();
    this.chosen.update((chosen) => (chosen + step + count) % count);
  }

  protected go({ path }: Target): void {
    this.state.open.set(false);
    void this.router.navigateByUrl(path);
  }
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    target.closest("input, textarea, select, [contenteditable], .monaco-editor") !== null
  );
}
