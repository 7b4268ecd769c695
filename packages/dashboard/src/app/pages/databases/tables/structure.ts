import { ChangeDetectionStrategy, Component, computed, input } from "@angular/core";
import { formatBytes, formatCount } from "../format.ts";
import type { Table } from "../sql/rows.ts";

/** What a table is made of: columns, indexes, constraints. */
@Component({
  selector: "ow-structure",
  template: `
    <p class="mb-3 text-muted">{{ summary() }}</p>
    <div class="card overflow-x-auto">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Type</th>
            <th scope="col">Null</th>
            <th scope="col">Default</th>
          </tr>
        </thead>
        <tbody>
          @for (column of table().columns; track column.name) {
            <tr>
              <td class="font-medium whitespace-nowrap">
                {{ column.name }}
                @if (table().primaryKey.includes(column.name)) {
                  <span class="badge badge-accent ml-1.5">primary key</span>
                }
              </td>
              <td class="font-mono text-[13px] whitespace-nowrap">
                {{ column.type }}
                @if (column.labels; as labels) {
                  <span class="block font-sans text-muted">{{ labels.join(", ") }}</span>
                }
              </td>
              <td>{{ column.nullable ? "yes" : "no" }}</td>
              <td class="font-mono text-[13px]">
                @if (column.generated) {
                  <span class="badge">generated</span>
                }
                {{ column.default ?? "" }}
              </td>
            </tr>
          }
        </tbody>
      </table>
    </div>
    @for (part of parts(); track part.name) {
      @if (part.items.length > 0) {
        <h3 class="mt-5 mb-2 font-semibold">{{ part.name }}</h3>
        <div class="card overflow-x-auto">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Kind</th>
                <th scope="col">Definition</th>
              </tr>
            </thead>
            <tbody>
              @for (item of part.items; track item.name) {
                <tr>
                  <td class="font-medium whitespace-nowrap">{{ item.name }}</td>
                  <td class="whitespace-nowrap">{{ item.kind }}</td>
                  <td class="font-mono text-[13px]">{{ item.definition }}</td>
                </tr>
              }
            </tbody>
          </table>
        </div>
      }
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Structure {
  readonly table = input.required<Table>();
  protected readonly summary = computed(() => {
    const { kind, rows, bytes } = this.table();
    const estimate = rows === null ? "" : `, about ${formatCount(rows)} rows`;
    return `A ${kind} of ${formatBytes(bytes)}${estimate}, indexes included.`;
  });
  protected readonly parts = computed(() => {
    const { indexes, constraints } = this.table();
    return [
      {
        name: "Indexes",
        items: indexes.map(({ name, unique, valid, definition }) => ({
          name,
          kind: `${unique ? "unique" : "index"}${valid ? "" : ", not valid"}`,
          definition,
        })),
      },
      { name: "Constraints", items: constraints },
    ];
  });
}
