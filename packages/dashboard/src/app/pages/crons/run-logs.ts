import { ChangeDetectionStrategy, Component, computed, inject, input, resource } from "@angular/core";
import { RouterLink } from "@angular/router";
import { Api } from "../../api/api.ts";
import { Load } from "../../ui/load.ts";
import type { ScheduledEvent } from "./cron-acts.ts";

interface Line {
  readonly kind: string;
  readonly time: number;
  readonly level?: string;
  readonly message?: string;
  readonly exception?: { readonly stack: string };
}

const colors: Readonly<Record<string, string>> = {
  error: "text-bad",
  warn: "text-warn",
  info: "text-accent",
};
const clock = new Intl.DateTimeFormat(undefined, {
  ...{ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  fractionalSecondDigits: 3,
});
/** Logs are stored a moment after they were written. */
const tries = 8;
const pauseMs = 500;

/** What a run logged, by its request's id. */
@Component({
  selector: "ow-run-logs",
  imports: [Load, RouterLink],
  template: `
    <div class="px-4 py-3 text-[13px]">
      @if (event().error; as text) {
        <p class="mb-2 text-bad">{{ text }}</p>
      }
      @if (event().requestId; as id) {
        @if (lines.hasValue()) {
          @for (line of shown(); track $index) {
            <div class="flex gap-3 font-mono text-xs leading-5">
              <time class="shrink-0 text-muted tabular-nums">{{ line.at }}</time>
              <span class="w-9 shrink-0 uppercase" [class]="line.color">{{ line.level }}</span>
              <pre class="min-w-0 break-words whitespace-pre-wrap">{{ line.text }}</pre>
            </div>
          } @empty {
            <p class="text-muted">It logged nothing.</p>
          }
        } @else {
          <ow-load [of]="lines" [rows]="1" />
        }
        <a class="link mt-2 inline-block" [routerLink]="['/workers', worker(), 'logs']" [queryParams]="{ request: id }">In the worker's logs</a>
      } @else {
        <p class="text-muted">{{ event().state === "skipped" ? "It did not run." : "It has not run yet." }}</p>
      }
    </div>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class RunLogs {
  readonly worker = input.required<string>();
  readonly event = input.required<ScheduledEvent>();
  private readonly client = inject(Api);
  protected readonly lines = resource({
    params: () => {
      const { requestId, state } = this.event();
      return requestId === null
        ? undefined
        : { worker: this.worker(), requestId, over: state === "finished" };
    },
    loader: ({ params, abortSignal }) => this.#read(params, abortSignal),
  });
  protected readonly shown = computed(() =>
    (this.lines.value() ?? [])
      .filter(({ kind }) => kind === "line")
      .map(({ time, level = "log", message = "", exception }) => ({
        at: clock.format(time),
        level,
        color: colors[level] ?? "text-muted",
        text: exception === undefined ? message : exception.stack,
      })),
  );

  /** Until the record of the run's end is there, which comes after all of its lines. */
  async #read(
    {
      worker,
      requestId,
      over,
    }: { readonly worker: string; readonly requestId: string; readonly over: boolean },
    signal: AbortSignal,
  ): Promise<Line[]> {
    for (let attempt = 1; ; attempt++) {
      const { records } = await this.client.data(
        this.client.api.GET("/v1/workers/{worker}/logs", {
          params: { path: { worker }, query: { requestId, order: "oldest-first", limit: 500 } },
          signal,
        }),
      );
      // A checked boundary: they are the logs service's own records.
      const lines = records as unknown as Line[];
      const whole = lines.some(({ kind }) => kind === "invocation");
      if (whole || !over || attempt === tries || signal.aborted) return lines;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
