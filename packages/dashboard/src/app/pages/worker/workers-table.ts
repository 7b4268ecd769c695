import { ChangeDetectionStrategy, Component, input } from "@angular/core";
import { RouterLink } from "@angular/router";
import { LucideExternalLink } from "@lucide/angular";
import { Sparkline } from "../../ui/sparkline.ts";
import { Time } from "../../ui/time.ts";
import type { DayOfWorker } from "./counts.ts";
import type { Worker } from "./current-worker.ts";
import { LiveVersions } from "./live-versions.ts";
import { formatCount } from "./numbers.ts";

/** Workers, each with what serves it and what it did in the last day. */
@Component({
  selector: "ow-workers-table",
  imports: [LiveVersions, LucideExternalLink, RouterLink, Sparkline, Time],
  templateUrl: "./workers-table.html",
  host: { class: "block overflow-x-auto" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class WorkersTable {
  readonly workers = input.required<readonly Worker[]>();
  /** By name; undefined while it is not known. */
  readonly days = input<ReadonlyMap<string, DayOfWorker>>();
  protected readonly formatCount = formatCount;
  protected readonly nothing: DayOfWorker = { requests: 0, errors: 0, requestsByHour: [], errorsByHour: [] };

  protected hostOf(url: string): string {
    return new URL(url).host;
  }
}
