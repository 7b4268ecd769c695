import {
  ChangeDetectionStrategy,
  Component,
  computed,
  DestroyRef,
  inject,
  input,
  signal,
} from "@angular/core";
import { LucideChevronRight } from "@lucide/angular";
import { Api } from "../../api/api.ts";
import { Empty } from "../../ui/empty.ts";
import { Paged } from "../../ui/paged.ts";
import { PagedFoot } from "../../ui/paged-foot.ts";
import { Time } from "../../ui/time.ts";
import type { ScheduledEvent } from "./cron-acts.ts";
import { RunLogs } from "./run-logs.ts";

const lookMs = 1_500;

/** How a run is, in a word and its colour. */
export function endOf({
  state,
  outcome,
  reason,
  startedAt,
  attempt,
}: ScheduledEvent): readonly [text: string, badge: string] {
  switch (state) {
    case "waiting":
      return attempt > 1 ? [`${outcome ?? "failed"}, tried again soon`, "badge-warn"] : ["waiting", ""];
    case "published":
      return [startedAt ? "running" : "under way", "badge-accent"];
    case "skipped":
      return [`skipped: ${reason ?? "not wanted"}`, "badge-warn"];
    case "finished":
      return [outcome ?? "unknown", outcome === "ok" ? "badge-good" : "badge-bad"];
  }
}

/** What became of a cron's times, the newest first; what is not over is looked at until it is. */
@Component({
  selector: "ow-cron-history",
  imports: [Empty, LucideChevronRight, PagedFoot, RunLogs, Time],
  template: `
    <div class="card overflow-x-auto" aria-live="polite">
      @if (events.empty()) {
        <ow-empty title="It has not run yet" text="Each of its times is kept here, with how it ended and what it logged." />
      } @else if (rows().length > 0) {
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Due</th>
              <th scope="col">Outcome</th>
              <th scope="col" class="numeric">Duration</th>
              <th scope="col" class="numeric max-sm:hidden">CPU</th>
              <th scope="col" class="numeric max-sm:hidden">Attempt</th>
            </tr>
          </thead>
          @for (row of rows(); track row.event.id) {
            @let event = row.event;
            <tbody class="border-b border-line last:border-b-0">
              <tr>
                <td class="whitespace-nowrap">
                  <button
                    type="button"
                    class="inline-flex items-center gap-1.5 rounded align-middle hover:underline"
                    [attr.aria-expanded]="opened() === event.id"
                    (click)="opened.set(opened() === event.id ? undefined : event.id)"
                  >
                    <svg lucideChevronRight size="14" class="text-muted" [class.rotate-90]="opened() === event.id"></svg>
                    <ow-time [value]="event.dueAt" />
                  </button>
                  @if (event.manual) {
                    <span class="badge ml-2">by hand</span>
                  }
                </td>
                <td>
                  <span class="badge" [class]="row.end[1]">{{ row.end[0] }}</span>
                  @if (event.missed > 0) {
                    <span class="ml-2 text-[13px] text-muted">{{ event.missed }} missed before</span>
                  }
                  @if (event.redelivered) {
                    <span class="badge ml-2" title="It may have run twice: a runner died, or its acknowledgement was lost.">again</span>
                  }
                </td>
                <td class="numeric">{{ event.durationMs === null ? "–" : formatMs(event.durationMs) }}</td>
                <td class="numeric max-sm:hidden">{{ event.cpuMs === null ? "–" : formatMs(event.cpuMs) }}</td>
                <td class="numeric max-sm:hidden">{{ event.attempt }}</td>
              </tr>
              @if (opened() === event.id) {
                <tr class="!bg-sunken">
                  <td colspan="5" class="!h-auto !p-0"><ow-run-logs [worker]="worker()" [event]="event" /></td>
                </tr>
              }
            </tbody>
          }
        </table>
      }
      <ow-paged-foot [of]="events" />
    </div>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class CronHistory {
  readonly worker = input.required<string>();
  readonly cron = input.required<string>();
  protected readonly opened = signal<string | undefined>(undefined);
  private readonly client = inject(Api);
  protected readonly events = new Paged<ScheduledEvent>(() => {
    const path = { worker: this.worker() };
    const cron = this.cron();
    return (cursor, signal) =>
      this.client.data(
        this.client.api.GET("/v1/workers/{worker}/events", {
          params: { path, query: { cron, limit: 25, ...(cursor === undefined ? {} : { cursor }) } },
          signal,
        }),
      );
  });
  protected readonly rows = computed(() =>
    this.events.items().map((event) => ({ event, end: endOf(event) })),
  );

  constructor() {
    let looking = false;
    const timer = setInterval(async () => {
      if (looking || document.hidden) return;
      looking = true;
      await this.#look();
      looking = false;
    }, lookMs);
    inject(DestroyRef).onDestroy(() => clearInterval(timer));
  }

  /** Shows a run that has just been asked for, with what it will log. */
  begun(event: ScheduledEvent): void {
    this.events.items.update((all) => [event, ...all.filter(({ id }) => id !== event.id)]);
    this.opened.set(event.id);
  }

  protected formatMs(ms: number): string {
    return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  }

  async #look(): Promise<void> {
    const open = this.events.items().filter(({ state }) => state === "waiting" || state === "published");
    for (const { id } of open.slice(0, 10)) {
      const params = { path: { worker: this.worker(), event: id } };
      try {
        const now = await this.client.data(
          this.client.api.GET("/v1/workers/{worker}/events/{event}", { params }),
        );
        this.events.items.update((all) => all.map((each) => (each.id === id ? now : each)));
      } catch {
        // It is looked at again in a moment; the list stays as it was known.
      }
    }
  }
}
