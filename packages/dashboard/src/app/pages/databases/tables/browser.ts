import {
  ChangeDetectionStrategy,
  Component,
  computed,
  effect,
  inject,
  input,
  resource,
  signal,
} from "@angular/core";
import { Router } from "@angular/router";
import {
  LucideArrowDown,
  LucideArrowUp,
  LucideArrowUpDown,
  LucidePlus,
  LucideRefreshCw,
  LucideTrash2,
} from "@lucide/angular";
import { messageOf } from "../../../api/failure.ts";
import { Confirm } from "../../../ui/confirm.ts";
import { Load } from "../../../ui/load.ts";
import { Toasts } from "../../../ui/toasts.ts";
import { formatCount } from "../format.ts";
import { OneDatabase } from "../one/one-database.ts";
import { rowsOf } from "../sql/queries.ts";
import {
  type Column,
  countedRows,
  countRows,
  deleteRow,
  type Filter,
  hasKey,
  keyOf,
  type Row,
  selectRows,
  shownCharacters,
  type Table,
} from "../sql/rows.ts";
import { isNumeric } from "./column-kind.ts";
import { Filters } from "./filters.ts";
import { RowDialog } from "./row-dialog.ts";
import { formatFilters, formatSort, pageSizes, parseFilters, parseSort } from "./view-state.ts";

/** A table's rows, by pages; the address says which. */
@Component({
  selector: "ow-browser",
  imports: [
    ...[Filters, Load, LucideArrowDown, LucideArrowUp, LucideArrowUpDown, LucidePlus, LucideRefreshCw],
    ...[LucideTrash2, RowDialog],
  ],
  templateUrl: "./browser.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Browser {
  readonly table = input.required<Table>();
  readonly where = input<string>();
  readonly sort = input<string>();
  readonly page = input<string>();
  readonly size = input<string>();
  protected readonly sizes = pageSizes;
  protected readonly of = inject(OneDatabase);
  private readonly router = inject(Router);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);

  protected readonly filters = computed(() => parseFilters(this.where()));
  protected readonly sorted = computed(() => parseSort(this.sort()));
  protected readonly pageSize = computed(() => pageSizes.find((size) => size === Number(this.size())) ?? 50);
  protected readonly pageNumber = computed(() => Math.max(1, Math.trunc(Number(this.page() ?? 1)) || 1));
  private readonly offset = computed(() => (this.pageNumber() - 1) * this.pageSize());

  protected readonly rows = resource({
    params: () => ({
      table: this.table(),
      filters: this.filters(),
      ...{ sort: this.sorted(), limit: this.pageSize() + 1, offset: this.offset() },
    }),
    loader: async ({ params, abortSignal }) => {
      const batch = [selectRows(params.table, params), countRows(params.table, params.filters)];
      const [found, counted] = await this.of.run({ batch }, abortSignal);
      if (found === undefined || counted === undefined) throw new Error("The answer has no result.");
      const all = rowsOf(found);
      const rows = all.slice(0, params.limit - 1).map((row) => ({ row, key: keyOf(params.table, row) }));
      return { rows, more: all.length === params.limit, count: Number(counted.rows[0]?.[0] ?? 0) };
    },
  });
  /** The last page that was read: it stays while another is. */
  protected readonly shown = signal<ReturnType<typeof this.rows.value>>(undefined);
  protected readonly hasKey = computed(() => hasKey(this.table()));
  protected readonly canEdit = computed(() => this.hasKey() && this.of.mayWrite());
  protected readonly whyNot = computed(() => {
    if (this.table().kind !== "table") return `Rows of a ${this.table().kind} are not edited here.`;
    if (!this.hasKey()) return "Read only: without a primary key, no row can be told from another.";
    return this.of.mayWrite() ? undefined : "Read only: your role may look, and not change.";
  });
  protected readonly range = computed(() => {
    const shown = this.shown();
    if (shown === undefined || shown.rows.length === 0) return "No rows";
    const all =
      shown.count > countedRows ? `more than ${formatCount(countedRows)}` : formatCount(shown.count);
    return `${formatCount(this.offset() + 1)}–${formatCount(this.offset() + shown.rows.length)} of ${all}`;
  });
  protected readonly chosen = signal<ReadonlySet<Row>>(new Set());
  protected readonly deleting = signal(false);
  /** The row whose dialog is open; "new" for one that is being made. */
  protected readonly opened = signal<
    { readonly row: Row; readonly key: ReturnType<typeof keyOf> } | "new" | undefined
  >(undefined);

  constructor() {
    effect(() => {
      this.table();
      this.shown.set(undefined);
    });
    effect(() => {
      if (!this.rows.hasValue()) return;
      this.shown.set(this.rows.value());
      this.chosen.set(new Set());
    });
  }

  protected isNumeric(column: Column): boolean {
    return isNumeric(column.type);
  }

  protected cut(value: string): string {
    return value.length > shownCharacters ? `${value.slice(0, shownCharacters)}…` : value;
  }

  protected nameOf(key: Readonly<Record<string, string>>): string {
    return Object.entries(key)
      .map(([name, value]) => `${name} = ${value}`)
      .join(", ");
  }

  protected sortLabel(column: string): "ascending" | "descending" | "none" {
    const sort = this.sorted();
    if (sort?.column !== column) return "none";
    return sort.descending ? "descending" : "ascending";
  }

  /** Up, down, and back to the key's own order. */
  protected sortBy(column: string): void {
    const now = this.sortLabel(column);
    const next = now === "descending" ? undefined : { column, descending: now === "ascending" };
    this.go({ sort: formatSort(next), page: null });
  }

  protected filter(filters: readonly Filter[]): void {
    this.go({ where: formatFilters(filters), page: null });
    // The same conditions again mean: look again.
    if (formatFilters(filters) === formatFilters(this.filters())) this.rows.reload();
  }

  protected go(queryParams: Record<string, string | number | null>): void {
    void this.router.navigate([], { queryParams, queryParamsHandling: "merge" });
  }

  protected choose(row: Row): void {
    this.chosen.update((chosen) => chosen.symmetricDifference(new Set([row])));
  }

  protected chooseAll(all: boolean): void {
    this.chosen.set(new Set(all ? this.shown()?.rows.map(({ row }) => row) : []));
  }

  protected async deleteChosen(): Promise<void> {
    const rows = [...this.chosen()];
    const what = rows.length === 1 ? "this row" : `${rows.length} rows`;
    const question = {
      title: `Delete ${what}?`,
      text: `From ${this.table().name}, for good. Rows of other tables may go with them, as their foreign keys say.`,
      action: `Delete ${what}`,
    };
    if (!(await this.confirm.ask(question))) return;
    this.deleting.set(true);
    try {
      const table = this.table();
      const results = await this.of.run({
        batch: rows.map((row) => deleteRow(table, keyOf(table, row), row.version)),
      });
      const left = results.filter(({ rowCount }) => rowCount === 0).length;
      if (left === 0) this.toasts.done(`Deleted ${what}.`);
      else
        this.toasts.failed(
          `${left} of ${rows.length} were changed meanwhile, and are still there: look at them again.`,
        );
      this.rows.reload();
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
    } finally {
      this.deleting.set(false);
    }
  }
}
