import { ChangeDetectionStrategy, Component, computed, input, output, signal } from "@angular/core";
import { RouterLink } from "@angular/router";
import {
  LucideChevronRight,
  LucideEye,
  LucideKeyRound,
  LucideRefreshCw,
  LucideTable2,
} from "@lucide/angular";
import { formatBytes } from "../format.ts";
import type { Table } from "../sql/rows.ts";

/** Schemas, their tables and views, and the columns of those that are opened. */
@Component({
  selector: "ow-schema-tree",
  imports: [LucideChevronRight, LucideEye, LucideKeyRound, LucideRefreshCw, LucideTable2, RouterLink],
  template: `
    <div class="mb-2 flex gap-1.5">
      <input class="input" type="search" aria-label="Find a table" placeholder="Find a table" [value]="wanted()" (input)="wanted.set($any($event.target).value)" />
      <button type="button" class="button button-icon shrink-0" aria-label="Read the schema again" title="Read the schema again" (click)="reload.emit()">
        <svg lucideRefreshCw size="14"></svg>
      </button>
    </div>
    <nav aria-label="Tables" class="max-h-[70dvh] overflow-y-auto">
      @for (group of groups(); track group.schema) {
        <h3 class="px-1 pt-2 pb-1 text-xs font-medium text-muted">{{ group.schema }}</h3>
        <ul>
          @for (table of group.tables; track table.name) {
            <li>
              <div class="flex items-center rounded-md hover:bg-hover" [class.bg-hover]="table === shown()">
                <button
                  type="button"
                  class="p-1.5 text-muted hover:text-text"
                  [attr.aria-expanded]="isOpen(table)"
                  [attr.aria-label]="'Columns of ' + table.name"
                  (click)="toggle(table)"
                >
                  <svg lucideChevronRight size="14" class="transition-transform" [class.rotate-90]="isOpen(table)"></svg>
                </button>
                <a
                  class="flex min-w-0 grow items-center gap-2 py-1 pr-2"
                  [class.font-medium]="table === shown()"
                  [attr.aria-current]="table === shown() ? 'true' : null"
                  [routerLink]="[]"
                  [queryParams]="{ schema: table.schema, table: table.name }"
                  [title]="titleOf(table)"
                >
                  @if (table.kind === "table") {
                    <svg lucideTable2 size="14" class="shrink-0 text-muted"></svg>
                  } @else {
                    <svg lucideEye size="14" class="shrink-0 text-muted"></svg>
                  }
                  <span class="truncate">{{ table.name }}</span>
                </a>
              </div>
              @if (isOpen(table)) {
                <ul class="mb-1 ml-6 border-l border-line pl-2 text-[13px]">
                  @for (column of table.columns; track column.name) {
                    <li class="flex items-center gap-2 py-0.5">
                      <span class="truncate">{{ column.name }}</span>
                      @if (table.primaryKey.includes(column.name)) {
                        <svg lucideKeyRound size="12" class="shrink-0 text-muted" aria-label="primary key"></svg>
                      }
                      <span class="ml-auto shrink-0 truncate pl-2 font-mono text-xs text-muted" [title]="column.type">{{ column.type }}</span>
                    </li>
                  }
                </ul>
              }
            </li>
          }
        </ul>
      } @empty {
        <p class="p-2 text-muted">No table is called so.</p>
      }
    </nav>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Tree {
  readonly tables = input.required<readonly Table[]>();
  readonly shown = input<Table>();
  readonly reload = output<void>();
  protected readonly wanted = signal("");
  private readonly open = signal<ReadonlySet<string>>(new Set());
  protected readonly groups = computed(() => {
    const wanted = this.wanted().trim().toLowerCase();
    const found = this.tables().filter(({ name }) => name.toLowerCase().includes(wanted));
    return [...Map.groupBy(found, ({ schema }) => schema)].map(([schema, tables]) => ({ schema, tables }));
  });

  protected isOpen({ schema, name }: Table): boolean {
    return this.open().has(`${schema}\0${name}`);
  }

  protected toggle({ schema, name }: Table): void {
    this.open.update((open) => open.symmetricDifference(new Set([`${schema}\0${name}`])));
  }

  protected titleOf({ kind, rows, bytes }: Table): string {
    const estimate = rows === null ? "" : `, some ${rows} rows`;
    return `${kind}, ${formatBytes(bytes)}${estimate}`;
  }
}
