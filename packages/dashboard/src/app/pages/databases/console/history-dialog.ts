import { ChangeDetectionStrategy, Component, computed, inject, input, output, signal } from "@angular/core";
import { Confirm } from "../../../ui/confirm.ts";
import { Dialog } from "../../../ui/dialog.ts";
import { Time } from "../../../ui/time.ts";
import { formatMs } from "../format.ts";
import type { History } from "./history.ts";

@Component({
  selector: "ow-sql-history",
  imports: [Dialog, Time],
  template: `
    <ow-dialog [open]="open()" title="History" [wide]="true" (closed)="closed.emit()">
      @if (history(); as of) {
        <div class="mb-3 flex gap-2">
          <input class="input" type="search" aria-label="Find in the history" placeholder="Find" [value]="wanted()" (input)="wanted.set($any($event.target).value)" />
          <button type="button" class="button" [disabled]="of.entries().length === 0" (click)="clear(of)">Clear</button>
        </div>
        <ul class="flex flex-col">
          @for (entry of found(); track entry.at) {
            <li class="border-b border-line py-2 last:border-b-0">
              <div class="mb-1 flex items-center gap-3 text-[13px] text-muted">
                <ow-time [value]="entry.at" />
                @if (entry.failure) {
                  <span class="min-w-0 truncate text-bad">{{ entry.failure }}</span>
                } @else if (entry.durationMs !== undefined) {
                  <span class="tabular-nums">{{ ms(entry.durationMs) }}</span>
                }
                <button type="button" class="button button-small ml-auto" (click)="chosen.emit(entry.sql)">Put into the editor</button>
              </div>
              <pre class="max-h-32 overflow-auto rounded bg-sunken p-2 font-mono text-[13px] whitespace-pre-wrap">{{ entry.sql }}</pre>
            </li>
          } @empty {
            <li class="py-6 text-center text-muted">Nothing yet. What you run on this database is kept in this browser.</li>
          }
        </ul>
      }
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class HistoryDialog {
  readonly open = input.required<boolean>();
  readonly history = input.required<History | undefined>();
  readonly closed = output<void>();
  readonly chosen = output<string>();
  protected readonly wanted = signal("");
  protected readonly ms = formatMs;
  private readonly confirm = inject(Confirm);
  protected readonly found = computed(() => {
    const wanted = this.wanted().toLowerCase();
    return (
      this.history()
        ?.entries()
        .filter(({ sql }) => sql.toLowerCase().includes(wanted)) ?? []
    );
  });

  protected async clear(history: History): Promise<void> {
    const question = {
      title: "Clear the history?",
      text: "Of this database, in this browser.",
      action: "Clear it",
    };
    if (await this.confirm.ask(question)) history.clear();
  }
}
