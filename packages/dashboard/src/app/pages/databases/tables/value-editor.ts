import { ChangeDetectionStrategy, Component, computed, inject, input, model } from "@angular/core";
import { Toasts } from "../../../ui/toasts.ts";
import { download } from "../download.ts";
import { formatBytes } from "../format.ts";
import { bytesOfHex, hexOfBytes } from "../sql/bytes.ts";
import { formatJson } from "../sql/exact-json.ts";
import type { Cell, Column } from "../sql/rows.ts";
import { hintOf, kindOf } from "./column-kind.ts";

let next = 0;
/** Larger files are better put into storage: a request has at most 1 MiB. */
const mostFileBytes = 400_000;

/** One column's value: as text of PostgreSQL's, NULL, or the default. */
@Component({
  selector: "ow-value-editor",
  templateUrl: "./value-editor.html",
  host: { class: "block" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class ValueEditor {
  readonly column = input.required<Column>();
  readonly cell = model.required<Cell>();
  readonly isKey = input(false);
  /** A row that is there has its value; a new one may take the default. */
  readonly isNew = input(false);
  readonly readOnly = input(false);
  readonly issue = input<string>();
  protected readonly id = `value-${next++}`;
  private readonly toasts = inject(Toasts);
  protected readonly kind = computed(() => kindOf(this.column()));
  protected readonly fixed = computed(() => this.readOnly() || this.column().generated);
  protected readonly text = computed(() => {
    const cell = this.cell();
    return typeof cell === "object" ? cell.text : "";
  });
  protected readonly mode = computed(() => {
    const cell = this.cell();
    return typeof cell === "object" ? "value" : cell;
  });
  protected readonly lines = computed(() => Math.min(12, this.text().split("\n").length));
  protected readonly modes = computed(() => [
    { mode: "value", name: "value" },
    ...(this.column().nullable ? [{ mode: "null", name: "NULL" }] : []),
    ...(this.isNew() || this.column().default !== null ? [{ mode: "default", name: "default" }] : []),
  ]);
  protected readonly hint = computed(() => {
    const { generated, default: fallback } = this.column();
    if (generated) return "The database makes this value.";
    if (this.mode() === "default") return fallback === null ? "No default: NULL" : `Default: ${fallback}`;
    if (this.kind() === "bytes")
      return `${formatBytes(Math.max(0, this.text().length / 2 - 1))}, in hexadecimal`;
    return hintOf(this.column());
  });
  /** What is wrong before anybody is asked. */
  protected readonly wrong = computed(() => {
    if (this.mode() !== "value" || this.fixed()) return this.issue();
    if (this.kind() === "json") {
      try {
        JSON.parse(this.text());
      } catch (thrown) {
        return `Not JSON: ${thrown instanceof Error ? thrown.message : thrown}`;
      }
    }
    return this.issue();
  });

  protected setMode(mode: string): void {
    if (mode === "null" || mode === "default") this.cell.set(mode);
    else this.cell.set({ text: this.firstText() });
  }

  protected setText(text: string): void {
    this.cell.set({ text });
  }

  protected format(): void {
    this.setText(formatJson(this.text()));
  }

  protected now(): void {
    const [date, time] = new Date().toISOString().split("T");
    const zone = this.column().type.includes("with time zone") ? "+00" : "";
    this.setText(`${date} ${time?.replace("Z", "")}${zone}`);
  }

  protected async load(input: HTMLInputElement): Promise<void> {
    const file = input.files?.[0];
    input.value = "";
    if (file === undefined) return;
    if (file.size > mostFileBytes) {
      this.toasts.failed(
        `${file.name} is too large for the browser: at most ${formatBytes(mostFileBytes)} here. A client with a token takes more.`,
      );
      return;
    }
    this.setText(hexOfBytes(new Uint8Array(await file.arrayBuffer())));
  }

  protected save(): void {
    download(`${this.column().name}.bin`, new Blob([bytesOfHex(this.text())]));
  }

  private firstText(): string {
    const { labels } = this.column();
    if (labels !== null) return labels[0] ?? "";
    const firsts: Partial<Record<string, string>> = { boolean: "false", json: "{}", bytes: "\\x" };
    return firsts[this.kind()] ?? "";
  }
}
