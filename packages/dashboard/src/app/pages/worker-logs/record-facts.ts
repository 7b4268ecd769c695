import { ChangeDetectionStrategy, Component, computed, input } from "@angular/core";
import { RouterLink } from "@angular/router";
import { Copy } from "../../ui/copy.ts";
import { reasonOf } from "./filter.ts";
import { formatExact, formatMs, type Seen } from "./record.ts";

/** All that is known of a record, and where one can go on from it. */
@Component({
  selector: "ow-record-facts",
  imports: [Copy, RouterLink],
  template: `
    @let record = of();
    <dl class="mt-2 grid grid-cols-[max-content_1fr] gap-x-4 gap-y-0.5 text-[13px] sm:grid-cols-[max-content_1fr_max-content_1fr]">
      @for (fact of facts(); track fact[0]) {
        <dt class="text-muted">{{ fact[0] }}</dt>
        <dd class="min-w-0 break-words tabular-nums">{{ fact[1] }}</dd>
      }
    </dl>
    <div class="mt-2 flex flex-wrap items-center gap-x-4 gap-y-1 text-[13px]">
      @if (record.requestId; as id) {
        <a class="link" [routerLink]="['/workers', record.worker, 'logs']" [queryParams]="{ request: id, view: 'lines' }">Only this request</a>
        <a class="link" routerLink="/logs" [queryParams]="{ request: id, view: 'lines' }">Follow it across workers</a>
      }
      <a class="link" [routerLink]="['/workers', record.worker, 'logs']" [queryParams]="{ at: iso() }">What happened around it</a>
      <ow-copy [text]="copied()" label="Copy as text" />
    </div>
  `,
  host: { class: "block" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class RecordFacts {
  readonly of = input.required<Seen>();
  /** What the button copies. */
  readonly copied = input.required<string>();
  protected readonly iso = computed(() => new Date(this.of().time).toISOString());
  protected readonly facts = computed((): (readonly [string, string])[] => {
    const record = this.of();
    const base = [
      ["Time", formatExact(record.time)],
      ["Worker", `${record.worker}, version ${record.version}`],
      ["Request", record.requestId ?? "None: outside of any"],
    ] as const;
    if (record.kind === "line") return [...base, ["Level", record.level]];
    const reason = reasonOf(record.outcome);
    return [
      ...base,
      ...(record.event === undefined
        ? ([
            ["Method", record.method || "–"],
            ["Address", `${record.host}${record.path}` || "–"],
            ["Status", String(record.status)],
          ] as const)
        : ([[record.trigger === "scheduled" ? "Cron" : "Event", record.event]] as const)),
      ["Trigger", record.trigger],
      ["Outcome", reason === "" ? record.outcome : `${record.outcome}: ${reason.toLowerCase()}`],
      ["Wall time", formatMs(record.wallMs)],
      ["CPU time", formatMs(record.cpuMs)],
      ["Cold start", record.coldStart ? "Yes: a process was started for it" : "No"],
    ];
  });
}
