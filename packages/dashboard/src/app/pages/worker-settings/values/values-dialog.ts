import {
  ChangeDetectionStrategy,
  Component,
  computed,
  effect,
  input,
  output,
  signal,
  untracked,
} from "@angular/core";
import { LucidePlus, LucideX } from "@lucide/angular";
import { parseDotenv } from "@openworkers/core/dotenv";
import { Dialog } from "../../../ui/dialog.ts";
import { Sending } from "../../../ui/form.ts";
import { changeFailure } from "../tagged.ts";

export interface Draft {
  readonly name: string;
  readonly value: string;
  readonly secret: boolean;
}

const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const blank: Draft = { name: "", value: "", secret: false };

/** Sets one value or several; a pasted `.env` becomes a row for each of its own. */
@Component({
  selector: "ow-values-dialog",
  imports: [Dialog, LucidePlus, LucideX],
  templateUrl: "./values-dialog.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class ValuesDialog {
  /** What it begins with; closed without. One that is there already keeps its name. */
  readonly drafts = input.required<readonly Draft[] | undefined>();
  readonly taken = input.required<readonly { readonly name: string; readonly kind: "var" | "secret" }[]>();
  readonly save = input.required<(drafts: readonly Draft[]) => Promise<void>>();
  readonly closed = output<void>();
  protected readonly rows = signal<readonly Draft[]>([]);
  protected readonly sending = new Sending();
  protected readonly pasteFault = signal<string | undefined>(undefined);
  protected readonly tried = signal(false);
  /** The one that is changed. */
  protected readonly one = computed(() => this.drafts()?.[0]);
  protected readonly title = computed(() => {
    const one = this.one();
    return one === undefined ? "Add variables and secrets" : `Change ${one.name}`;
  });
  protected readonly failure = computed(() => {
    const thrown = this.sending.failure();
    return thrown === undefined ? undefined : changeFailure(thrown);
  });
  protected readonly faults = computed(() => {
    const rows = this.rows();
    return rows.map(({ name }, index) => {
      if (!namePattern.test(name)) return "Letters, digits and underscores, no digit first.";
      return rows.findIndex((other) => other.name === name) < index ? "Named twice." : undefined;
    });
  });

  constructor() {
    effect(() => {
      const drafts = this.drafts();
      if (drafts === undefined) return;
      untracked(() => {
        this.rows.set(drafts.length === 0 ? [blank] : drafts);
        this.sending.failure.set(undefined);
        this.pasteFault.set(undefined);
        this.tried.set(false);
      });
    });
  }

  protected change(index: number, change: Partial<Draft>): void {
    this.rows.update((rows) => rows.map((row, at) => (at === index ? { ...row, ...change } : row)));
  }

  protected add(): void {
    this.rows.update((rows) => [...rows, blank]);
  }

  protected drop(index: number): void {
    this.rows.update((rows) => rows.filter((_, at) => at !== index));
  }

  protected replaces(name: string): string | undefined {
    if (this.one() !== undefined) return undefined;
    const there = this.taken().find((each) => each.name === name);
    return there === undefined
      ? undefined
      : `Goes before the ${there.kind === "secret" ? "secret" : "variable"} of that name.`;
  }

  /** In a name's place, text with assignments is a whole file. */
  protected paste(event: ClipboardEvent, index: number): void {
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (!text.includes("=")) return;
    event.preventDefault();
    try {
      const secret = this.rows()[index]?.secret ?? false;
      const pasted = [...parseDotenv(text, "What was pasted")].map(([name, value]) => ({
        name,
        value,
        secret,
      }));
      const kept = this.rows().filter(({ name, value }) => name !== "" || value !== "");
      const names = new Set(pasted.map(({ name }) => name));
      this.rows.set([...kept.filter(({ name }) => !names.has(name)), ...pasted]);
      this.pasteFault.set(undefined);
    } catch (thrown) {
      this.pasteFault.set(thrown instanceof Error ? thrown.message : String(thrown));
    }
  }

  protected allSecret(secret: boolean): void {
    this.rows.update((rows) => rows.map((row) => ({ ...row, secret })));
  }

  protected async send(): Promise<void> {
    this.tried.set(true);
    if (this.faults().some((fault) => fault !== undefined)) return;
    await this.sending.run(() => this.save()(this.rows()));
  }
}
