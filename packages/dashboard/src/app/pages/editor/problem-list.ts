import { ChangeDetectionStrategy, Component, input, output } from "@angular/core";
import { LucideCircleAlert, LucideTriangleAlert } from "@lucide/angular";
import type { Problem } from "../../editor/problem.ts";

/** What is wrong, each with its place: a click leads there. */
@Component({
  selector: "ow-problem-list",
  imports: [LucideCircleAlert, LucideTriangleAlert],
  template: `
    <ul>
      @for (problem of problems(); track $index) {
        <li>
          <button type="button" class="flex w-full items-start gap-2 px-3 py-1 text-left hover:bg-hover focus-visible:-outline-offset-2" (click)="chosen.emit(problem)">
            @if (problem.severity === "error") {
              <svg lucideCircleAlert size="14" class="mt-[3px] shrink-0 text-bad" aria-label="Error"></svg>
            } @else {
              <svg lucideTriangleAlert size="14" class="mt-[3px] shrink-0 text-warn" aria-label="Warning"></svg>
            }
            <span class="min-w-0 grow break-words">{{ problem.message }}</span>
            <span class="shrink-0 text-muted tabular-nums">{{ problem.file }}:{{ problem.line }}</span>
          </button>
        </li>
      }
    </ul>
  `,
  host: { class: "block text-[13px]" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class ProblemList {
  readonly problems = input.required<readonly Problem[]>();
  readonly chosen = output<Problem>();
}
