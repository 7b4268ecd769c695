import { ChangeDetectionStrategy, Component, computed, DestroyRef, inject, signal } from "@angular/core";
import { LucideHistory, LucidePlay, LucideSquare } from "@lucide/angular";
import { messageOf } from "../../../api/failure.ts";
import { CodeEditor, type CodeFile, type OpenedEditor } from "../../../editor/code-editor.ts";
import { formatBytes, formatCount, formatMs } from "../format.ts";
import { OneDatabase } from "../one/one-database.ts";
import { failureOf, type Query, type Result } from "../sql/queries.ts";
import { controlsTransaction, offsetOf, type Statement, statementsOf } from "../sql/statements.ts";
import { explain, whyNoPlan } from "./explain.ts";
import { SqlFailureBox } from "./failure.ts";
import { History } from "./history.ts";
import { HistoryDialog } from "./history-dialog.ts";
import { Parameters } from "./parameters.ts";
import { PlanView } from "./plan-view.ts";
import { SqlResults } from "./results.ts";
import { SqlEditor } from "./sql-editor.ts";

type Outcome =
  | { readonly results: readonly Result[] }
  | { readonly plan: unknown }
  | { readonly thrown: unknown; readonly offset: number | undefined }
  | { readonly cancelled: number };

const first = "-- Ctrl+Enter runs the statement at the cursor, or what is selected.\nselect now();\n";
const changesSchema = /^(create|alter|drop|truncate|import|do|call)$/i;

/** SQL on one database. */
@Component({
  selector: "ow-sql-console",
  imports: [
    ...[CodeEditor, HistoryDialog, LucideHistory, LucidePlay, LucideSquare, Parameters, PlanView],
    ...[SqlFailureBox, SqlResults],
  ],
  templateUrl: "./console.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Console {
  protected readonly of = inject(OneDatabase);
  protected readonly keys = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘ Enter" : "Ctrl Enter";
  protected readonly history = computed(() => {
    const id = this.of.known()?.id;
    return id === undefined ? undefined : new History(id);
  });
  protected readonly files = computed<readonly CodeFile[] | undefined>(() => {
    const history = this.history();
    return history === undefined ? undefined : [{ name: "console.sql", text: history.draft ?? first }];
  });
  protected readonly editor = new SqlEditor(() => this.of.knownTables());
  /** How many values the statements take that would be run now. */
  protected readonly parameters = computed(() =>
    Math.max(0, ...this.editor.target().map((one) => one.parameters)),
  );
  protected readonly values = signal<readonly (string | null)[]>([]);
  protected readonly running = signal<AbortController | undefined>(undefined);
  protected readonly seconds = signal(0);
  protected readonly outcome = signal<Outcome | undefined>(undefined);
  protected readonly historyOpen = signal(false);
  protected readonly results = computed(() => this.#part("results"));
  protected readonly plan = computed(() => this.#part("plan"));
  protected readonly failed = computed(() => {
    const outcome = this.outcome();
    return outcome !== undefined && "thrown" in outcome ? outcome : undefined;
  });
  protected readonly place = computed(() => {
    const offset = this.failed()?.offset;
    return offset === undefined ? undefined : this.editor.placeOf(offset);
  });
  protected readonly status = computed(() => {
    if (this.running() !== undefined) return `Running… ${this.seconds() > 0 ? `${this.seconds()} s` : ""}`;
    const outcome = this.outcome();
    if (outcome !== undefined && "cancelled" in outcome)
      return `Cancelled after ${formatMs(outcome.cancelled)}.`;
    return "";
  });
  protected readonly about = computed(() => {
    const limits = this.of.known()?.limits;
    if (limits === undefined) return "";
    const who = this.of.mayWrite() ? "As the database's owner" : "Reading only";
    return `${who}. A statement may run for ${formatMs(limits.statementMs)} and answer ${formatCount(limits.resultRows)} rows or ${formatBytes(limits.resultBytes)}; several run in one transaction.`;
  });

  constructor() {
    inject(DestroyRef).onDestroy(() => {
      this.running()?.abort();
      this.editor.dispose();
    });
  }

  protected begin(opened: OpenedEditor): void {
    this.editor.open(opened, () => void this.run());
  }

  protected changed({ text }: CodeFile): void {
    this.history()?.keepDraft(text);
  }

  protected async run(all = false): Promise<void> {
    const statements = all ? statementsOf(this.editor.text()) : this.editor.target();
    const [one] = statements;
    if (one === undefined) return;
    const whole = this.#whole(statements);
    if (controlsTransaction(statements) && statements.length > 1) {
      if (statements.some(({ parameters }) => parameters > 0)) {
        this.#refuse(
          "Statements that begin or end a transaction take no parameters: write the values into them.",
        );
        return;
      }
      await this.#send(whole.text, { script: whole.text }, ({ position }) =>
        position === undefined ? undefined : whole.from + offsetOf(whole.text, position),
      );
      return;
    }
    const bodies = statements.map(({ text, parameters }) => ({
      sql: text,
      params: this.#values(parameters),
    }));
    const query: Query =
      statements.length === 1 ? { sql: one.text, params: this.#values(one.parameters) } : { batch: bodies };
    await this.#send(whole.text, query, ({ position, statement = 0 }) => {
      const failed = statements[statement];
      if (failed === undefined) return undefined;
      if (position === undefined) return statements.length > 1 ? failed.from : undefined;
      return failed.from + offsetOf(failed.text, position);
    });
  }

  protected async explain(analyze: boolean): Promise<void> {
    const [one, second] = this.editor.target();
    if (one === undefined) return;
    const why =
      second === undefined ? whyNoPlan(one) : "One statement at a time has a plan: put the cursor into it.";
    if (why !== undefined) {
      this.#refuse(why);
      return;
    }
    const { query, prefix } = explain(one, this.#values(one.parameters), analyze);
    const offset = ({ position }: { readonly position?: number }) =>
      position === undefined || position <= prefix.length
        ? undefined
        : one.from + offsetOf(one.text, position - prefix.length);
    await this.#send(undefined, query, offset, (results) => {
      const planned = results.find(({ columns }) => columns[0]?.name === "QUERY PLAN");
      return { plan: planned?.rows[0]?.[0] };
    });
  }

  protected cancel(): void {
    this.running()?.abort();
  }

  protected use(sql: string): void {
    this.historyOpen.set(false);
    this.editor.append(sql);
  }

  async #send(
    remembered: string | undefined,
    query: Query,
    offsetIn: (failure: { readonly position?: number; readonly statement?: number }) => number | undefined,
    outcomeOf: (results: readonly Result[]) => Outcome = (results) => ({ results }),
  ): Promise<void> {
    if (this.running() !== undefined) return;
    const controller = new AbortController();
    this.running.set(controller);
    this.editor.mark(undefined);
    const began = Date.now();
    this.seconds.set(0);
    const ticking = setInterval(() => this.seconds.set(Math.round((Date.now() - began) / 1_000)), 1_000);
    const remember = (outcome: { readonly durationMs?: number; readonly failure?: string }) => {
      if (remembered !== undefined) this.history()?.add({ sql: remembered, at: began, ...outcome });
    };
    try {
      const results = await this.of.run(query, controller.signal);
      this.outcome.set(outcomeOf(results));
      remember({ durationMs: results.reduce((sum, { durationMs }) => sum + durationMs, 0) });
      if (results.some(({ command }) => changesSchema.test(command.split(" ")[0] ?? "")))
        this.of.tables.reload();
    } catch (thrown) {
      if (controller.signal.aborted) {
        this.outcome.set({ cancelled: Date.now() - began });
        remember({ failure: "Cancelled" });
        return;
      }
      const offset = offsetIn(failureOf(thrown) ?? {});
      this.outcome.set({ thrown, offset });
      this.editor.mark(offset, messageOf(thrown));
      remember({ failure: messageOf(thrown) });
    } finally {
      clearInterval(ticking);
      this.running.set(undefined);
    }
  }

  #refuse(message: string): void {
    this.outcome.set({ thrown: new Error(message), offset: undefined });
  }

  /** The text of statements that follow each other. */
  #whole(statements: readonly Statement[]): { readonly text: string; readonly from: number } {
    const from = statements[0]?.from ?? 0;
    return { text: this.editor.text().slice(from, statements.at(-1)?.to), from };
  }

  #values(count: number): (string | null)[] {
    return Array.from({ length: count }, (_, index) => {
      const value = this.values()[index];
      return value === undefined ? "" : value;
    });
  }

  #part<Name extends "results" | "plan">(
    name: Name,
  ): Extract<Outcome, { [Key in Name]: unknown }>[Name] | undefined {
    const outcome = this.outcome() as { [Key in Name]?: never } | undefined;
    return outcome?.[name];
  }
}
