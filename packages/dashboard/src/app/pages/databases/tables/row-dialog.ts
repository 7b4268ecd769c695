import {
  ChangeDetectionStrategy,
  Component,
  computed,
  effect,
  inject,
  input,
  output,
  resource,
  signal,
} from "@angular/core";
import { Confirm } from "../../../ui/confirm.ts";
import { Dialog } from "../../../ui/dialog.ts";
import { Sending } from "../../../ui/form.ts";
import { Load } from "../../../ui/load.ts";
import { Toasts } from "../../../ui/toasts.ts";
import { OneDatabase } from "../one/one-database.ts";
import { failureOf, rowsOf } from "../sql/queries.ts";
import {
  type Cell,
  type Column,
  deleteRow,
  insertRow,
  type Row,
  type RowKey,
  type Sql,
  selectRow,
  type Table,
  updateRow,
} from "../sql/rows.ts";
import { ValueEditor } from "./value-editor.ts";

/** A row with all of its values, to be looked at, changed, deleted; or a new one. */
@Component({
  selector: "ow-row-dialog",
  imports: [Dialog, Load, ValueEditor],
  template: `
    <ow-dialog [open]="open()" [title]="title()" (closed)="closed.emit()">
      @if (of() !== undefined && !row.hasValue()) {
        <ow-load [of]="row" [rows]="table().columns.length" />
      } @else {
        <form class="flex flex-col gap-3" (submit)="$event.preventDefault(); save()">
          @for (column of table().columns; track column.name) {
            <ow-value-editor
              [column]="column"
              [isKey]="table().primaryKey.includes(column.name)"
              [isNew]="of() === undefined"
              [readOnly]="readOnly()"
              [issue]="issueOf(column)"
              [cell]="cellOf(column)"
              (cellChange)="set(column, $event)"
            />
          }
          @if (failure(); as text) {
            <p class="text-bad" role="alert">{{ text }}</p>
          }
          <div class="mt-2 flex justify-end gap-2">
            @if (!readOnly() && of() !== undefined) {
              <button type="button" class="button mr-auto text-bad" [disabled]="sending.busy()" (click)="delete()">Delete row</button>
            }
            <button type="button" class="button" (click)="open.set(false)">{{ readOnly() ? "Close" : "Cancel" }}</button>
            @if (!readOnly()) {
              <button class="button button-primary" [disabled]="sending.busy() || (of() !== undefined && changes().size === 0)">
                {{ of() === undefined ? "Insert" : "Save" }}
              </button>
            }
          </div>
        </form>
      }
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class RowDialog {
  readonly table = input.required<Table>();
  /** Which row; a new one without. */
  readonly of = input<RowKey>();
  readonly readOnly = input(false);
  readonly closed = output<void>();
  /** Rows are others now. */
  readonly changed = output<void>();
  // The browser gives the focus back to what had it when a dialog closes, and not when one is taken away.
  protected readonly open = signal(false);
  protected readonly sending = new Sending();
  protected readonly changes = signal<ReadonlyMap<string, Cell>>(new Map());
  private readonly database = inject(OneDatabase);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);

  protected readonly row = resource<Row, { table: Table; key: RowKey } | undefined>({
    params: () => {
      const key = this.of();
      return key === undefined ? undefined : { table: this.table(), key };
    },
    loader: async ({ params, abortSignal }) => {
      if (params === undefined) throw new Error("There is no row.");
      const [result] = await this.database.run(selectRow(params.table, params.key), abortSignal);
      const [row] = result === undefined ? [] : rowsOf(result);
      if (row === undefined)
        throw new Error("This row is gone: somebody has deleted it, or changed its key.");
      return row;
    },
  });
  protected readonly title = computed(() => {
    const key = this.of();
    if (key === undefined) return `New row of ${this.table().name}`;
    return `${this.table().name}: ${Object.values(key).join(", ")}`;
  });
  /** What was wrong, unless a field says it. */
  protected readonly failure = computed(() => {
    const thrown = this.sending.failure();
    if (thrown === undefined) return undefined;
    const said = failureOf(thrown);
    if (said?.column !== undefined && said.sqlstate === "23502") return undefined;
    return [this.sending.message(), said?.detail].filter((text) => text !== undefined).join(" ");
  });

  constructor() {
    effect(() => this.open.set(true));
  }

  protected cellOf(column: Column): Cell {
    const changed = this.changes().get(column.name);
    if (changed !== undefined) return changed;
    if (this.of() === undefined) return "default";
    const value = this.row.value()?.values[this.table().columns.indexOf(column)];
    return value === null || value === undefined ? "null" : { text: value };
  }

  protected set(column: Column, cell: Cell): void {
    this.changes.update((changes) => new Map(changes).set(column.name, cell));
  }

  /** A missing value is the one mistake that PostgreSQL says of a column. */
  protected issueOf(column: Column): string | undefined {
    const said = failureOf(this.sending.failure());
    return said?.column === column.name && said.sqlstate === "23502" ? "A value is needed." : undefined;
  }

  protected async save(): Promise<void> {
    const key = this.of();
    if (key === undefined)
      return await this.#send(insertRow(this.table(), this.changes()), "Inserted the row.");
    if (this.changes().size === 0) return;
    const version = this.row.value()?.version ?? null;
    await this.#send(updateRow(this.table(), key, version, this.changes()), "Saved the row.");
  }

  protected async delete(): Promise<void> {
    const key = this.of();
    if (key === undefined) return;
    const question = {
      title: "Delete this row?",
      text: `From ${this.table().name}, for good. Rows of other tables may go with it, as their foreign keys say.`,
      action: "Delete this row",
    };
    if (!(await this.confirm.ask(question))) return;
    await this.#send(deleteRow(this.table(), key, this.row.value()?.version ?? null), "Deleted the row.");
  }

  async #send(sql: Sql, done: string): Promise<void> {
    const sent = await this.sending.run(async () => {
      const [result] = await this.database.run(sql);
      if (result?.rowCount === 0)
        throw new Error(
          "The row was changed or deleted meanwhile. Close this and open it again to see it as it is now.",
        );
    });
    if (!sent) return;
    this.toasts.done(done);
    this.changed.emit();
    this.open.set(false);
  }
}
