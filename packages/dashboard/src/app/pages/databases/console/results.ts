import { ChangeDetectionStrategy, Component, computed, effect, input, signal } from "@angular/core";
import { LucideDownload } from "@lucide/angular";
import { Copy } from "../../../ui/copy.ts";
import { download } from "../download.ts";
import { formatCount, formatMs } from "../format.ts";
import { isExactNumber, textOf } from "../sql/exact-json.ts";
import type { Result } from "../sql/queries.ts";
import { toCsv, toJson } from "./formats.ts";

const step = 100;
/** More text than this makes a browser slow; the download has all of it. */
const mostCharacters = 200_000;
const exactTypes = /^(int2|int4|int8|numeric|float4|float8|oid|money)$/;

/** What statements gave: one of them at a time, as a table, JSON or CSV. */
@Component({
  selector: "ow-sql-results",
  imports: [Copy, LucideDownload],
  templateUrl: "./results.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class SqlResults {
  readonly results = input.required<readonly Result[]>();
  /** Begins the names of files. */
  readonly name = input("result");
  protected readonly views = ["Table", "JSON", "CSV"] as const;
  protected readonly view = signal<"Table" | "JSON" | "CSV">("Table");
  protected readonly index = signal(0);
  protected readonly result = computed(() => this.results()[this.index()]);
  protected readonly rowsShown = signal(step);
  protected readonly rows = computed(() => this.result()?.rows.slice(0, this.rowsShown()) ?? []);
  protected readonly text = computed(() => {
    const result = this.result();
    if (result === undefined || this.view() === "Table") return "";
    return this.view() === "JSON" ? toJson(result) : toCsv(result);
  });
  protected readonly shownText = computed(() => this.text().slice(0, mostCharacters));
  protected readonly count = formatCount;

  constructor() {
    effect(() => {
      // The last result of several is what one waited for.
      this.index.set(Math.max(0, this.results().length - 1));
      this.rowsShown.set(step);
    });
  }

  protected open(index: number): void {
    this.index.set(index);
    this.rowsShown.set(step);
  }

  protected more(): void {
    this.rowsShown.update((count) => count + 5 * step);
  }

  protected cell(value: unknown): string | undefined {
    return textOf(value);
  }

  protected isNumber(type: string, value: unknown): boolean {
    return exactTypes.test(type) || isExactNumber(value);
  }

  protected summary({ command, rowCount, columns, durationMs }: Result): string {
    const what = columns.length > 0 || /^(INSERT|UPDATE|DELETE|MERGE|COPY)$/.test(command);
    const rows = what ? ` · ${formatCount(rowCount)} ${rowCount === 1 ? "row" : "rows"}` : "";
    return `${command}${rows} · ${formatMs(durationMs)}`;
  }

  protected download(kind: "json" | "csv"): void {
    const result = this.result();
    if (result === undefined) return;
    const content = kind === "json" ? toJson(result) : toCsv(result);
    const type = kind === "json" ? "application/json" : "text/csv";
    download(`${this.name()}.${kind}`, new Blob([content], { type: `${type};charset=utf-8` }));
  }
}
