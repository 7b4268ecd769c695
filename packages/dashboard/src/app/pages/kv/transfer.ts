import { ChangeDetectionStrategy, Component, computed, inject, input, output, signal } from "@angular/core";
import { itemsOf } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { messageOf } from "../../api/failure.ts";
import { Account } from "../../session/account.ts";
import { download, formatBytes, textOf } from "../../ui/bytes.ts";
import { Dialog } from "../../ui/dialog.ts";

/** Of one request: the API takes 1,000 entries, all or nothing. */
const batch = { entries: 500, characters: 4 * 2 ** 20 };
/** Values that are read at a time. */
const readAtOnce = 100;

/** An entry of the file: wrangler's bulk format, which `ow kv import` and `export` speak as well. */
interface FileEntry {
  readonly key: string;
  readonly value: string;
  readonly expiration?: number;
  readonly expiration_ttl?: number;
  readonly metadata?: unknown;
  readonly base64?: boolean;
}

interface Progress {
  readonly done: number;
  /** Undefined while nobody knows. */
  readonly of: number | undefined;
}

/** Puts the entries of a file into a namespace, or the namespace's into a file, with the progress of it. */
@Component({
  selector: "ow-kv-transfer",
  imports: [Dialog],
  template: `
    <ow-dialog [open]="true" [title]="heading()" (closed)="leave()">
      @if (progress(); as now) {
        <div role="status">
          <p class="tabular-nums">{{ now.done.toLocaleString() }}{{ now.of === undefined ? "" : " of " + now.of.toLocaleString() }} keys</p>
          <progress class="mt-2 h-1.5 w-full" aria-label="Progress" [attr.value]="now.of === undefined ? null : now.done" [attr.max]="now.of ?? null"></progress>
        </div>
      } @else if (direction() === "import") {
        <p class="text-muted">A JSON file as wrangler and <span class="code">ow kv export</span> write it:
          <span class="code">[{{ "{" }}"key": "a", "value": "1"{{ "}" }}, …]</span>. What is there under the same keys is replaced.</p>
        <button type="button" class="button button-primary mt-4" (click)="file.click()">Choose a file</button>
        <input #file type="file" class="hidden" accept=".json,application/json" aria-label="File to import" (change)="load(file.files?.[0]); file.value = ''" />
      } @else {
        <p class="text-muted">
          {{ prefix() === "" ? "All keys" : "The keys that begin with “" + prefix() + "”" }} with values, metadata and expirations, as a JSON
          file that wrangler and <span class="code">ow kv import</span> read.
        </p>
        <button type="button" class="button button-primary mt-4" (click)="save()">Export</button>
      }
      @if (failures().length > 0) {
        <div class="mt-4" role="alert">
          <p class="text-bad break-words">{{ failures()[0] }}</p>
          @if (failures().length > 1) {
            <ul class="mt-1 max-h-40 list-disc overflow-auto pl-5 text-[13px] text-bad">
              @for (text of failures().slice(1); track $index) {
                <li class="break-words">{{ text }}</li>
              }
            </ul>
          }
        </div>
      }
      @if (result(); as text) {
        <p class="mt-4 text-good" role="status">{{ text }}</p>
      }
      <div class="mt-5 flex justify-end">
        <button type="button" class="button" (click)="leave()">{{ progress() === undefined ? "Close" : "Stop" }}</button>
      </div>
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Transfer {
  readonly namespace = input.required<string>();
  readonly direction = input.required<"import" | "export">();
  readonly prefix = input.required<string>();
  readonly changed = output<void>();
  readonly closed = output<void>();
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  protected readonly heading = computed(() =>
    this.direction() === "import" ? `Import into ${this.namespace()}` : `Export ${this.namespace()}`,
  );
  protected readonly progress = signal<Progress | undefined>(undefined);
  protected readonly failures = signal<readonly string[]>([]);
  protected readonly result = signal<string | undefined>(undefined);
  #stop = new AbortController();

  /** Stops what is under way; else closes. */
  protected leave(): void {
    if (this.progress() === undefined) this.closed.emit();
    else this.#stop.abort();
  }

  protected load(file: File | undefined): void {
    if (file === undefined) return;
    void this.#run(async (signal) => {
      const entries = parseEntries(await file.text());
      this.progress.set({ done: 0, of: entries.length });
      let stored = 0;
      for (const part of batches(entries)) {
        if (signal.aborted) break;
        try {
          await this.#put(part);
          stored += part.length;
        } catch {
          // All or nothing: one by one, to store the good ones and say of the bad what is wrong.
          for (const entry of part) {
            if (signal.aborted) break;
            try {
              await this.#put([entry]);
              stored++;
            } catch (thrown) {
              this.failures.update((before) => [...before, `${shortened(entry.key)}: ${messageOf(thrown)}`]);
            }
          }
        }
        this.progress.set({ done: stored + this.failures().length, of: entries.length });
      }
      if (stored > 0) this.changed.emit();
      this.result.set(
        `${stored.toLocaleString()} of ${entries.length.toLocaleString()} keys stored${signal.aborted ? "; stopped" : ""}.`,
      );
    });
  }

  protected save(): void {
    void this.#run(async (signal) => {
      const parts: string[] = [];
      let done = 0;
      for await (const keys of this.#keys(signal)) {
        for (const entry of await this.#values(keys, signal)) parts.push(JSON.stringify(entry));
        done += keys.length;
        this.progress.set({ done, of: undefined });
        if (signal.aborted) return;
      }
      const content = new Blob(["[", parts.join(",\n"), "]\n"], { type: "application/json" });
      download(`${this.namespace()}.json`, content);
      this.result.set(`${done.toLocaleString()} keys, ${formatBytes(content.size)}.`);
    });
  }

  async #run(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#stop = new AbortController();
    this.failures.set([]);
    this.result.set(undefined);
    this.progress.set({ done: 0, of: undefined });
    try {
      await work(this.#stop.signal);
    } catch (thrown) {
      if (!this.#stop.signal.aborted) this.failures.update((before) => [...before, messageOf(thrown)]);
    }
    this.progress.set(undefined);
  }

  async #put(entries: readonly FileEntry[]): Promise<void> {
    const put = entries.map(({ expiration_ttl: expirationTtl, ...entry }) => ({
      ...entry,
      ...(expirationTtl === undefined ? {} : { expirationTtl }),
    }));
    await this.client.data(
      this.client.api.POST("/v1/kv/{namespace}/bulk", {
        params: { path: { namespace: this.namespace() }, query: this.account.query() },
        body: { put: put as never, delete: [] },
      }),
    );
  }

  async *#keys(signal: AbortSignal): AsyncGenerator<string[]> {
    let names: string[] = [];
    const params = { path: { namespace: this.namespace() } };
    const keys = itemsOf((page) =>
      this.client.data(
        this.client.api.GET("/v1/kv/{namespace}/keys", {
          params: { ...params, query: { ...this.account.query(), prefix: this.prefix(), ...page } },
          signal,
        }),
      ),
    );
    for await (const { name } of keys) {
      names.push(name);
      if (names.length < readAtOnce) continue;
      yield names;
      names = [];
    }
    if (names.length > 0) yield names;
  }

  /** By halves when they are too large together. */
  async #values(keys: readonly string[], signal: AbortSignal): Promise<FileEntry[]> {
    try {
      const { items } = await this.client.data(
        this.client.api.POST("/v1/kv/{namespace}/bulk/get", {
          params: { path: { namespace: this.namespace() }, query: this.account.query() },
          body: { keys: [...keys] },
          signal,
        }),
      );
      return items.flatMap(({ name, value, expiration, metadata }) =>
        value === null
          ? []
          : [
              {
                key: name,
                ...fileValue(value),
                ...(expiration === undefined ? {} : { expiration }),
                ...(metadata === undefined || metadata === null ? {} : { metadata }),
              },
            ],
      );
    } catch (thrown) {
      if (signal.aborted || keys.length === 1) throw thrown;
      const half = keys.length >> 1;
      return [
        ...(await this.#values(keys.slice(0, half), signal)),
        ...(await this.#values(keys.slice(half), signal)),
      ];
    }
  }
}

function shortened(key: string): string {
  return key.length > 80 ? `${key.slice(0, 80)}…` : key;
}

function fileValue(base64: string): { value: string; base64?: true } {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const text = textOf(bytes);
  return text === undefined ? { value: base64, base64: true } : { value: text };
}

/** @throws Error that says which entry is none */
function parseEntries(text: string): FileEntry[] {
  const entries: unknown = JSON.parse(text);
  if (!Array.isArray(entries)) throw new Error('The file is not a list: [{"key": "a", "value": "1"}, …]');
  for (const [index, entry] of entries.entries()) {
    if (typeof entry?.key !== "string" || typeof entry?.value !== "string") {
      throw new Error(`Entry ${index + 1} has no key and value that are texts.`);
    }
  }
  return entries;
}

function* batches(entries: readonly FileEntry[]): Generator<FileEntry[]> {
  let part: FileEntry[] = [];
  let characters = 0;
  for (const entry of entries) {
    if (
      part.length > 0 &&
      (part.length >= batch.entries || characters + entry.value.length > batch.characters)
    ) {
      yield part;
      part = [];
      characters = 0;
    }
    part.push(entry);
    characters += entry.value.length;
  }
  if (part.length > 0) yield part;
}
