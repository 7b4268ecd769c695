import { ChangeDetectionStrategy, Component, computed, input, output } from "@angular/core";
import { RouterLink } from "@angular/router";
import { LucideCircleAlert } from "@lucide/angular";
import { messageOf } from "../../../api/failure.ts";
import { formatBytes, formatCount, formatMs } from "../format.ts";
import { failureOf } from "../sql/queries.ts";
import type { Limits } from "../types.ts";

/** What PostgreSQL said of a statement, with where and what to do; and what of the database's limits it ran into. */
@Component({
  selector: "ow-sql-failure",
  imports: [LucideCircleAlert, RouterLink],
  template: `
    <div class="card border-bad p-4" role="alert">
      <p class="flex items-start gap-2 text-bad"><svg lucideCircleAlert size="16" class="mt-0.5 shrink-0"></svg><span class="min-w-0 font-medium break-words whitespace-pre-wrap">{{ message() }}</span></p>
      <div class="mt-2 ml-6 flex flex-col gap-1 text-[13px]">
        @if (said()?.detail; as detail) {
          <p class="break-words">{{ detail }}</p>
        }
        @if (said()?.hint; as hint) {
          <p class="break-words"><span class="font-medium">Hint:</span> {{ hint }}</p>
        }
        @if (limit(); as text) {
          <p>{{ text }} <a class="link" routerLink="../settings">Change the limits</a></p>
        }
        <p class="flex flex-wrap items-center gap-x-3 text-muted">
          @if (said()?.sqlstate; as sqlstate) {
            <span>SQLSTATE <span class="code">{{ sqlstate }}</span></span>
          }
          @if (said()?.constraint; as constraint) {
            <span>constraint <span class="code">{{ constraint }}</span></span>
          }
          @if (place(); as at) {
            <button type="button" class="link" (click)="shown.emit()">Line {{ at.line }}, column {{ at.column }}</button>
          }
        </p>
      </div>
    </div>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class SqlFailureBox {
  readonly thrown = input.required<unknown>();
  /** Where in the editor, from 1. */
  readonly place = input<{ readonly line: number; readonly column: number }>();
  readonly limits = input<Limits>();
  /** The reader wants to see the place. */
  readonly shown = output<void>();
  protected readonly said = computed(() => failureOf(this.thrown()));
  protected readonly message = computed(() => this.said()?.message ?? messageOf(this.thrown()));
  protected readonly limit = computed(() => {
    const limits = this.limits();
    if (limits === undefined) return undefined;
    const { code, sqlstate } = this.said() ?? {};
    if (code === "RESULT_TOO_LARGE")
      return `An answer has at most ${formatCount(limits.resultRows)} rows and ${formatBytes(limits.resultBytes)}.`;
    const limited: Record<string, string> = {
      "57014": `A statement may run for ${formatMs(limits.statementMs)}.`,
      "55P03": `A statement waits for a lock for ${formatMs(limits.lockMs)} at most.`,
      "53400": `A session may have ${formatBytes(limits.tempFileBytes)} of temporary files.`,
    };
    return limited[sqlstate ?? ""];
  });
}
