import {
  ChangeDetectionStrategy,
  Component,
  computed,
  effect,
  inject,
  input,
  output,
  signal,
  untracked,
} from "@angular/core";
import { Api } from "../../api/api.ts";
import { Dialog } from "../../ui/dialog.ts";
import { Sending } from "../../ui/form.ts";
import { type Filter, rangeOf, type Wanted } from "./filter.ts";
import { formatExact, type Seen, textOf } from "./record.ts";
import { iso, readPage, type Source } from "./source.ts";

/** As much as a browser can be asked to hold. */
const mostBytes = 256 * 2 ** 20;
const pageSize = 1_000;

/** Writes what is stored and fits the filter into a file, page by page. */
@Component({
  selector: "ow-log-download",
  imports: [Dialog],
  template: `
    <ow-dialog [open]="open()" title="Download" (closed)="leave()">
      <p class="text-muted">{{ what() }}</p>
      <form class="mt-4" (submit)="$event.preventDefault(); save()">
        <fieldset class="flex flex-col gap-2" [disabled]="sending.busy()">
          <legend class="label">Format</legend>
          <label class="flex items-center gap-2">
            <input type="radio" name="format" value="ndjson" [checked]="format() === 'ndjson'" (change)="format.set('ndjson')" /> NDJSON: a record each line, with all that is known
          </label>
          <label class="flex items-center gap-2">
            <input type="radio" name="format" value="txt" [checked]="format() === 'txt'" (change)="format.set('txt')" /> Text, as <span class="code">ow logs</span> prints it
          </label>
        </fieldset>
        <p class="mt-4 min-h-5 text-[13px] text-muted tabular-nums" role="status">
          @if (sending.busy() || done()) {
            {{ count().toLocaleString() }} records, {{ (bytes() / 1048576).toFixed(1) }} MB{{ done() ? ": " + done() : " so far…" }}
          }
        </p>
        @if (sending.message(); as text) {
          <p class="mt-1 text-bad" role="alert">{{ text }}</p>
        }
        <div class="mt-3 flex justify-end gap-2">
          <button type="button" class="button" (click)="leave()">{{ sending.busy() ? "Cancel" : "Close" }}</button>
          <button class="button button-primary" [disabled]="sending.busy()">Download</button>
        </div>
      </form>
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Download {
  readonly open = input.required<boolean>();
  readonly source = input.required<Source>();
  readonly filter = input.required<Filter>();
  readonly range = input.required<Wanted>();
  readonly closed = output<void>();
  protected readonly format = signal<"ndjson" | "txt">("ndjson");
  protected readonly sending = new Sending();
  protected readonly count = signal(0);
  protected readonly bytes = signal(0);
  protected readonly done = signal("");
  private readonly client = inject(Api);
  private stop = new AbortController();

  private readonly bounds = computed((): { readonly from?: number; readonly to?: number } => {
    const range = rangeOf(this.range(), Date.now());
    if (range.kind === "at") return { from: range.at };
    const { from } = range;
    return { ...(from === undefined ? {} : { from }), ...(range.kind === "between" ? { to: range.to } : {}) };
  });
  protected readonly what = computed(() => {
    const { from, to } = this.bounds();
    const filtered = Object.keys(this.filter()).length > 0 ? " that fit the filter" : "";
    const begin = from === undefined ? "the first that is kept" : formatExact(from);
    return `All stored records${filtered}, from ${begin} to ${to === undefined ? "now" : formatExact(to)}.`;
  });

  constructor() {
    effect(() => {
      if (!this.open()) return;
      untracked(() => {
        this.done.set("");
        this.sending.failure.set(undefined);
      });
    });
  }

  protected leave(): void {
    this.stop.abort();
    this.closed.emit();
  }

  protected async save(): Promise<void> {
    this.stop = new AbortController();
    const { signal } = this.stop;
    const format = this.format();
    this.count.set(0);
    this.bytes.set(0);
    this.done.set("");
    await this.sending.run(async () => {
      const parts: Blob[] = [];
      for await (const records of this.#pages(signal)) {
        const lines = records.map((record) => (format === "txt" ? textOf(record) : JSON.stringify(record)));
        const part = new Blob(lines.map((line) => `${line}\n`));
        parts.push(part);
        this.count.update((count) => count + records.length);
        this.bytes.update((bytes) => bytes + part.size);
        if (this.bytes() > mostBytes) break;
      }
      if (signal.aborted) return;
      hand(
        new Blob(parts, { type: format === "txt" ? "text/plain" : "application/x-ndjson" }),
        this.#name(format),
      );
      this.done.set(
        this.bytes() > mostBytes ? "as much as a file holds; narrow the time down for the rest." : "saved.",
      );
    });
  }

  /** Oldest first, up to now: what comes meanwhile is left for the next. */
  async *#pages(signal: AbortSignal): AsyncGenerator<readonly Seen[], void> {
    const { from, to = Date.now() } = this.bounds();
    let after: string | null | undefined;
    do {
      const page = await readPage(
        this.client,
        this.source(),
        {
          ...this.filter(),
          ...(from === undefined ? {} : { from: iso(from) }),
          to: iso(to),
          ...(after == null ? {} : { after }),
          ...{ order: "oldest-first", limit: pageSize },
        },
        signal,
      ).catch((thrown: unknown) => {
        // Whoever cancels is told nothing.
        if (signal.aborted) return undefined;
        throw thrown;
      });
      if (page === undefined) return;
      yield page.records;
      after = page.next;
    } while (after !== null);
  }

  #name(format: string): string {
    const time = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
    return `${this.source().worker ?? "all-workers"}-${time}.${format}`;
  }
}

/** Has the browser keep it as a file. */
function hand(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
