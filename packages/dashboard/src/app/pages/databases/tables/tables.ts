import { ChangeDetectionStrategy, Component, computed, inject, input } from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { LucideRefreshCw } from "@lucide/angular";
import { Empty } from "../../../ui/empty.ts";
import { Load } from "../../../ui/load.ts";
import { OneDatabase } from "../one/one-database.ts";
import type { Table } from "../sql/rows.ts";
import { Browser } from "./browser.ts";
import { Structure } from "./structure.ts";
import { Tree } from "./tree.ts";

/** The schema's tree, and of one table its rows or its structure. Which one is in the address. */
@Component({
  selector: "ow-tables",
  imports: [Browser, Empty, Load, LucideRefreshCw, RouterLink, Structure, Tree],
  template: `
    @if (!of.tables.hasValue()) {
      <div class="card"><ow-load [of]="of.tables" [rows]="8" /></div>
    } @else if (of.tables.value().length === 0) {
      <div class="card">
        <ow-empty title="No tables yet" text="Make one in the console, with “ow databases migrate”, or restore a dump with “ow databases restore”.">
          <a class="button button-primary" routerLink="../console">Open the console</a>
          <button type="button" class="button" (click)="of.tables.reload()"><svg lucideRefreshCw size="14"></svg> Look again</button>
        </ow-empty>
      </div>
    } @else {
      <div class="grid items-start gap-4 lg:grid-cols-[15rem_minmax(0,1fr)]">
        <label class="block lg:hidden">
          <span class="label">Table</span>
          <select class="input" (change)="choose($any($event.target).value)">
            <option value="" [selected]="!shown()">Choose a table…</option>
            @for (one of of.tables.value(); track $index) {
              <option [value]="$index" [selected]="one === shown()">{{ one.schema }}.{{ one.name }}</option>
            }
          </select>
        </label>
        <ow-schema-tree class="hidden lg:block" [tables]="of.tables.value()" [shown]="shown()" (reload)="of.tables.reload()" />
        <section class="min-w-0" [attr.aria-label]="shown() ? 'Table ' + shown()?.name : 'Table'">
          @if (shown(); as one) {
            <div class="mb-3 flex flex-wrap items-center gap-x-3 gap-y-2">
              <h2 class="min-w-0 truncate font-mono font-semibold">{{ one.schema === "public" ? "" : one.schema + "." }}{{ one.name }}</h2>
              @if (one.kind !== "table") {
                <span class="badge">{{ one.kind }}</span>
              }
              <div class="ml-auto flex rounded-md border border-line p-0.5" role="group" aria-label="View">
                @for (each of views; track each.view) {
                  <a
                    class="rounded px-2.5 py-0.5 text-[13px] font-medium text-muted hover:text-text"
                    [class]="view() === each.view ? 'bg-hover !text-text' : ''"
                    [attr.aria-current]="view() === each.view ? 'true' : null"
                    [routerLink]="[]"
                    [queryParams]="{ view: each.view === 'rows' ? null : each.view }"
                    queryParamsHandling="merge"
                  >
                    {{ each.name }}
                  </a>
                }
              </div>
            </div>
            @if (view() === "structure") {
              <ow-structure [table]="one" />
            } @else {
              <ow-browser [table]="one" [where]="where()" [sort]="sort()" [page]="page()" [size]="size()" />
            }
          } @else if (table() !== undefined) {
            <div class="card"><ow-empty title="No such table" text="It may have been renamed or dropped: choose another." /></div>
          } @else {
            <div class="card hidden lg:block"><ow-empty title="Choose a table" text="Its rows can be filtered, sorted and edited here." /></div>
          }
        </section>
      </div>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Tables {
  readonly schema = input<string>();
  readonly table = input<string>();
  readonly view = input("rows", { transform: (value: string | undefined) => value ?? "rows" });
  readonly where = input<string>();
  readonly sort = input<string>();
  readonly page = input<string>();
  readonly size = input<string>();
  protected readonly of = inject(OneDatabase);
  private readonly router = inject(Router);
  protected readonly views = [
    { view: "rows", name: "Rows" },
    { view: "structure", name: "Structure" },
  ];
  protected readonly shown = computed<Table | undefined>(() =>
    this.of
      .knownTables()
      .find(({ schema, name }) => schema === (this.schema() ?? "public") && name === this.table()),
  );

  protected choose(index: string): void {
    const table = index === "" ? undefined : this.of.knownTables()[Number(index)];
    void this.router.navigate([], {
      queryParams: table === undefined ? {} : { schema: table.schema, table: table.name },
    });
  }
}
