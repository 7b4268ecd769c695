import {
  ChangeDetectionStrategy,
  Component,
  computed,
  effect,
  inject,
  input,
  linkedSignal,
  resource,
  untracked,
} from "@angular/core";
import { RouterLink } from "@angular/router";
import { LucideRefreshCw } from "@lucide/angular";
import { itemsOf } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Chart, type Series } from "../../ui/chart.ts";
import { Clock } from "../../ui/clock.ts";
import { Empty } from "../../ui/empty.ts";
import { Load } from "../../ui/load.ts";
import { Time } from "../../ui/time.ts";
import { CurrentWorker, previewUrl } from "./current-worker.ts";
import { formatCount, formatMs, formatShare } from "./numbers.ts";
import { isRange, type Lines, linesOf, type RangeName, ranges } from "./statistics.ts";

const refreshMs = 30_000;
const failureColors = ["--color-bad", "--color-warn", "--color-accent", "--color-muted", "--color-good"];

const kindNames: Readonly<Record<string, string>> = {
  kv: "KV",
  storage: "Storage",
  database: "Database",
  hyperdrive: "Hyperdrive",
  queue: "Queue",
  worker: "Worker",
  assets: "Assets",
  "version-metadata": "Version metadata",
  "rate-limit": "Rate limit",
};

/** A worker's first tab: what serves it, what it did, and what it is bound to. */
@Component({
  selector: "ow-worker-overview",
  imports: [Chart, Empty, Load, LucideRefreshCw, RouterLink, Time],
  templateUrl: "./overview.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class WorkerOverview {
  /** In the address; a day without. */
  readonly range = input<string>();
  protected readonly current = inject(CurrentWorker);
  private readonly client = inject(Api);
  private readonly clock = inject(Clock);
  protected readonly formatCount = formatCount;
  protected readonly formatMs = formatMs;
  protected readonly formatShare = formatShare;
  protected readonly previewUrl = previewUrl;
  protected readonly ranges = Object.entries(ranges).map(([id, { name }]) => ({ id, name }));
  protected readonly shownRange = computed((): RangeName => {
    const range = this.range();
    return isRange(range) ? range : "24h";
  });
  private readonly path = computed(() => ({ worker: this.current.name() }));

  protected readonly stats = resource({
    params: () => ({ path: this.path(), range: this.shownRange() }),
    loader: async ({ params: { path, range }, abortSignal: signal }) => {
      const { ms, stepSeconds } = ranges[range];
      const query = { from: String(Date.now() - ms), step: String(stepSeconds) };
      return linesOf(
        await this.client.data(
          this.client.api.GET("/v1/workers/{worker}/stats", { params: { path, query }, signal }),
        ),
      );
    },
  });
  /** Those of another range stay until the new ones are there: nothing jumps. */
  protected readonly lines = linkedSignal<Lines | undefined, Lines | undefined>({
    source: () => (this.stats.hasValue() ? this.stats.value() : undefined),
    computation: (lines, previous) => lines ?? previous?.value,
  });
  protected readonly bindings = resource({
    params: () => this.path(),
    loader: ({ params: path, abortSignal: signal }) =>
      this.client.data(this.client.api.GET("/v1/workers/{worker}/bindings", { params: { path }, signal })),
  });
  protected readonly crons = resource({
    params: () => this.path(),
    loader: ({ params: path, abortSignal: signal }) =>
      Array.fromAsync(
        itemsOf((query) =>
          this.client.data(
            this.client.api.GET("/v1/workers/{worker}/crons", { params: { path, query }, signal }),
          ),
        ),
      ),
  });
  protected readonly domains = resource({
    params: () => this.path(),
    loader: ({ params: path, abortSignal: signal }) =>
      Array.fromAsync(
        itemsOf((query) =>
          this.client.data(
            this.client.api.GET("/v1/workers/{worker}/domains", { params: { path, query }, signal }),
          ),
        ),
      ),
  });

  private readonly values = computed(() => this.lines() ?? noLines);
  protected readonly times = computed(() => this.values().times);
  protected readonly requests = computed((): Series[] => [
    { name: "Requests", values: this.values().requests, color: "--color-accent" },
  ]);
  protected readonly failures = computed((): Series[] => {
    const { failures, times } = this.values();
    if (failures.length === 0) {
      return [{ name: "Errors", values: times.map(() => 0), color: "--color-bad" }];
    }
    return failures.map(({ outcome, values }, at) => ({
      name: outcome,
      values,
      color: failureColors[at % failureColors.length] ?? "--color-bad",
    }));
  });
  protected readonly wall = computed((): Series[] => [
    { name: "p50", values: this.values().p50, color: "--color-accent" },
    { name: "p99", values: this.values().p99, color: "--color-warn" },
  ]);
  protected readonly cpu = computed((): Series[] => [
    { name: "CPU per request", values: this.values().cpuMs, color: "--color-accent" },
  ]);
  protected readonly coldStarts = computed((): Series[] => [
    { name: "Cold starts", values: this.values().coldStarts, color: "--color-accent" },
  ]);

  constructor() {
    let readAt = Date.now();
    effect(() => {
      const now = this.clock.now();
      if (now - readAt < refreshMs) return;
      readAt = now;
      untracked(() => this.stats.reload());
    });
  }

  protected kindOf(kind: string): string {
    return kindNames[kind] ?? kind;
  }
}

const noLines: Lines = {
  times: [],
  requests: [],
  failures: [],
  coldStarts: [],
  cpuMs: [],
  p50: [],
  p99: [],
  sum: { requests: 0, errors: 0, coldStarts: 0, cpuMs: 0, wallMs: 0 },
};
