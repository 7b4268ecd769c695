import { ChangeDetectionStrategy, Component, computed, input, signal } from "@angular/core";
import { Copy } from "../../../ui/copy.ts";
import { formatCount, formatMs } from "../format.ts";
import { readPlan } from "./plan.ts";

/** A plan of PostgreSQL's, one line for each node, with what it takes of the whole. */
@Component({
  selector: "ow-sql-plan",
  imports: [Copy],
  template: `
    <div class="mb-2 flex min-h-8 flex-wrap items-center gap-3 text-muted">
      <p class="tabular-nums">{{ summary() }}</p>
      <div class="ml-auto flex items-center gap-1">
        <button type="button" class="button button-small" [attr.aria-pressed]="raw()" (click)="raw.set(!raw())">{{ raw() ? "Tree" : "JSON" }}</button>
        <ow-copy [text]="json()" label="Copy the plan as JSON" />
      </div>
    </div>
    @if (raw()) {
      <pre class="card max-h-[60dvh] overflow-auto p-3 font-mono text-[13px]" tabindex="0" role="region" aria-label="The plan as JSON">{{ json() }}</pre>
    } @else {
      <div class="card overflow-x-auto">
        <table class="table" aria-label="Query plan">
          <thead>
            <tr>
              <th scope="col">Step</th>
              <th scope="col" class="w-36">{{ measured() ? "Time, of itself" : "Cost, of itself" }}</th>
              <th scope="col" class="numeric">{{ measured() ? "Rows (planned)" : "Rows, planned" }}</th>
              <th scope="col" class="numeric">{{ measured() ? "Loops" : "Cost" }}</th>
            </tr>
          </thead>
          <tbody>
            @for (node of read().nodes; track $index) {
              <tr>
                <td class="!py-2 align-top">
                  <div [style.padding-left.rem]="1.1 * node.depth">
                    <span class="font-medium">{{ node.depth > 0 ? "→ " : "" }}{{ node.title }}</span>
                    @for (note of node.notes; track $index) {
                      <span class="block font-mono text-xs break-words text-muted">{{ note }}</span>
                    }
                  </div>
                </td>
                <td class="!py-2 align-top whitespace-nowrap">
                  <div class="flex items-center gap-2">
                    <div class="h-1.5 w-16 overflow-hidden rounded bg-sunken" aria-hidden="true">
                      <div class="h-full" [class]="node.share > 0.5 ? 'bg-bad' : node.share > 0.2 ? 'bg-warn' : 'bg-accent'" [style.width.%]="100 * node.share"></div>
                    </div>
                    <span class="tabular-nums">{{ node.ownMs === undefined ? percent(node.share) : ms(node.ownMs) }}</span>
                  </div>
                </td>
                <td class="numeric !py-2 align-top whitespace-nowrap">
                  @if (node.actualRows !== undefined) {
                    {{ count(node.actualRows) }} <span class="text-muted">({{ count(node.plannedRows) }})</span>
                  } @else {
                    {{ count(node.plannedRows) }}
                  }
                </td>
                <td class="numeric !py-2 align-top">{{ node.loops === undefined ? count(node.cost) : count(node.loops) }}</td>
              </tr>
            }
          </tbody>
        </table>
      </div>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class PlanView {
  /** What `EXPLAIN (FORMAT JSON)` gave. */
  readonly plan = input.required<unknown>();
  protected readonly raw = signal(false);
  protected readonly read = computed(() => readPlan(this.plan()));
  protected readonly measured = computed(() => this.read().executionMs !== undefined);
  protected readonly json = computed(() => JSON.stringify(this.plan(), undefined, 2));
  protected readonly summary = computed(() => {
    const { planningMs, executionMs, totalCost } = this.read();
    if (executionMs === undefined) return `Not run. Planned cost ${formatCount(totalCost)}`;
    return `Run and rolled back: planning ${formatMs(planningMs ?? 0)}, execution ${formatMs(executionMs)}`;
  });
  protected readonly ms = formatMs;
  protected readonly count = formatCount;

  protected percent(share: number): string {
    return `${Math.round(100 * share)} %`;
  }
}
