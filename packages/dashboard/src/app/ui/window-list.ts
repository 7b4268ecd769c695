import { NgTemplateOutlet } from "@angular/common";
import {
  afterRenderEffect,
  ChangeDetectionStrategy,
  Component,
  computed,
  contentChild,
  DestroyRef,
  type ElementRef,
  inject,
  input,
  model,
  output,
  signal,
  type TemplateRef,
  untracked,
  viewChild,
} from "@angular/core";

/** Rows beyond either edge of what is seen, in pixels. */
const overscan = 400;
/** So near to an end counts as there. */
const slack = 4;

/**
 * A scrolling list of which only what is seen is in the page, however long it is and however high each row. What is put
 * before what is seen does not move it; while `atEnd`, the end stays in sight.
 *
 * @example
 * <ow-window-list class="h-96" label="Records" [items]="records()" [keyOf]="keyOf">
 *   <ng-template #row let-record>…</ng-template>
 * </ow-window-list>
 */
@Component({
  selector: "ow-window-list",
  imports: [NgTemplateOutlet],
  template: `
    <div
      #box
      class="relative h-full overflow-x-hidden overflow-y-auto [overflow-anchor:none] focus-visible:-outline-offset-2"
      role="region"
      tabindex="0"
      [attr.aria-label]="label()"
      (scroll)="scrolled()"
    >
      <ng-content select="[before]" />
      <div class="relative" [style.height.px]="layout().height">
        <div #rows class="absolute inset-x-0" [style.top.px]="shown().top">
          @for (row of shown().rows; track row.key) {
            <div [attr.data-row]="row.key">
              <ng-container [ngTemplateOutlet]="template()" [ngTemplateOutletContext]="{ $implicit: row.item }" />
            </div>
          }
        </div>
      </div>
      <ng-content select="[after]" />
    </div>
  `,
  host: { class: "block min-h-0" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class WindowList<Item> {
  readonly items = input.required<readonly Item[]>();
  readonly keyOf = input.required<(item: Item) => string>();
  readonly label = input.required<string>();
  /** How high a row is until it has been seen, in pixels. */
  readonly estimate = input(26);
  /** Whether the end is in sight, and is kept there. */
  readonly atEnd = model(false);
  /** The first row, or the last, is nearly in sight. */
  readonly nearStart = output<void>();
  readonly nearEnd = output<void>();
  protected readonly template = contentChild.required<TemplateRef<{ readonly $implicit: Item }>>("row");
  private readonly box = viewChild.required<ElementRef<HTMLElement>>("box");
  private readonly rows = viewChild.required<ElementRef<HTMLElement>>("rows");
  private readonly heights = new Map<string, number>();
  private readonly measured = signal(0);
  private readonly view = signal({ top: 0, height: 800 });
  /** What is kept where it is: a row, and how far below the box's top it is. */
  private anchor: { key: string; offset: number } | undefined;
  private lastTop = 0;
  private width = 0;

  protected readonly layout = computed(() => {
    this.measured();
    const items = this.items();
    const keyOf = this.keyOf();
    const estimate = this.estimate();
    const keys = items.map(keyOf);
    const tops = new Float64Array(items.length + 1);
    let top = 0;
    for (const [index, key] of keys.entries()) {
      tops[index] = top;
      top += this.heights.get(key) ?? estimate;
    }
    tops[items.length] = top;
    return { items, keys, tops, height: top };
  });

  protected readonly shown = computed(() => {
    const { items, keys, tops } = this.layout();
    const { top, height } = this.view();
    const first = indexAt(tops, top - overscan);
    const last = Math.min(items.length, indexAt(tops, top + height + overscan) + 1);
    const rows = items.slice(first, last).map((item, index) => ({ item, key: keys[first + index] ?? "" }));
    return { rows, top: tops[first] ?? 0 };
  });

  constructor() {
    const observer = new ResizeObserver(() => this.#measure());
    inject(DestroyRef).onDestroy(() => observer.disconnect());
    afterRenderEffect(() => {
      observer.observe(this.box().nativeElement);
      observer.observe(this.rows().nativeElement);
    });
    // Not within the effect: what it found out would not have it run once more.
    afterRenderEffect(() => {
      this.shown();
      queueMicrotask(() => this.#measure());
    });
    afterRenderEffect(() => {
      this.layout();
      untracked(() => this.#hold());
    });
  }

  /** To the end, which then stays in sight. */
  toEnd(): void {
    this.atEnd.set(true);
    this.#hold();
  }

  /** Puts a row at the top of what is seen. */
  toRow(key: string): void {
    this.atEnd.set(false);
    this.anchor = { key, offset: 0 };
    this.#hold();
  }

  protected scrolled(): void {
    const { scrollTop, clientHeight, scrollHeight } = this.box().nativeElement;
    const ends = scrollTop + clientHeight >= scrollHeight - slack;
    // Rows that came push the end away; only a reader goes back.
    if (ends) this.atEnd.set(true);
    else if (scrollTop < this.lastTop - 1) this.atEnd.set(false);
    this.lastTop = scrollTop;
    this.#look();
    this.#remember();
    if (scrollTop < clientHeight) this.nearStart.emit();
    if (scrollTop + clientHeight * 2 > scrollHeight) this.nearEnd.emit();
  }

  /** Where the rows begin in the box: something may be before them. */
  #start(): number {
    return this.rows().nativeElement.parentElement?.offsetTop ?? 0;
  }

  #look(): void {
    const { scrollTop, clientHeight } = this.box().nativeElement;
    const top = scrollTop - this.#start();
    const seen = this.view();
    if (seen.top !== top || seen.height !== clientHeight) this.view.set({ top, height: clientHeight });
  }

  #remember(): void {
    const { keys, tops } = this.layout();
    const top = this.box().nativeElement.scrollTop - this.#start();
    const index = indexAt(tops, top);
    const key = keys[index];
    this.anchor = key === undefined ? undefined : { key, offset: (tops[index] ?? 0) - top };
  }

  #measure(): void {
    const { clientWidth } = this.box().nativeElement;
    let changed = false;
    if (clientWidth !== this.width) {
      this.width = clientWidth;
      this.heights.clear();
      changed = true;
    }
    for (const row of this.rows().nativeElement.children) {
      const key = row.getAttribute("data-row");
      const { height } = row.getBoundingClientRect();
      if (key === null || height === 0 || this.heights.get(key) === height) continue;
      this.heights.set(key, height);
      changed = true;
    }
    const { length } = this.items();
    // Of rows that are gone.
    if (this.heights.size > 2 * length + 1_000) {
      const keys = new Set(this.layout().keys);
      for (const key of this.heights.keys()) if (!keys.has(key)) this.heights.delete(key);
    }
    if (changed) this.measured.update((count) => count + 1);
    this.#look();
  }

  #hold(): void {
    const { nativeElement: box } = this.box();
    if (this.atEnd()) box.scrollTop = box.scrollHeight;
    else if (this.anchor !== undefined) {
      const { key, offset } = this.anchor;
      const { keys, tops } = this.layout();
      const index = keys.indexOf(key);
      const top = (tops[index] ?? 0) - offset + this.#start();
      if (index >= 0 && Math.abs(box.scrollTop - top) >= 1) box.scrollTop = top;
    }
    this.lastTop = box.scrollTop;
    this.#look();
  }
}

/** The last row that begins at `top` or before it. */
function indexAt(tops: Float64Array, top: number): number {
  let low = 0;
  let high = Math.max(0, tops.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((tops[middle] ?? 0) <= top) low = middle;
    else high = middle - 1;
  }
  return low;
}
