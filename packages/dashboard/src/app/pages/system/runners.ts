import { ChangeDetectionStrategy, Component, computed, inject, resource, signal } from "@angular/core";
import { RouterLink } from "@angular/router";
import { LucideArrowDown, LucideArrowUp } from "@lucide/angular";
import type { components } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { formatBytes } from "../../ui/bytes.ts";
import { everySeconds } from "../../ui/every-seconds.ts";
import { Load } from "../../ui/load.ts";
import { Time } from "../../ui/time.ts";
import { formatCpu, formatSpan } from "./figures.ts";
import { type Sorting, sorted } from "./sorting.ts";

type Runner = components["schemas"]["Runner"];
type Cell = components["schemas"]["Cell"];

/** CPU times of cells, by process, when they were looked at. */
interface Look {
  readonly at: number;
  readonly cpuMs: ReadonlyMap<string, number>;
}

interface Row extends Cell {
  /** Share of one core since it was looked at before; null the first time. */
  readonly cpu: number | null;
}

type Column =
  | "worker"
  | "version"
  | "state"
  | "pid"
  | "memoryBytes"
  | "cpu"
  | "cpuMs"
  | "ageMs"
  | "inFlight"
  | "requests";

const columns: readonly { readonly id: Column; readonly name: string; readonly numeric: boolean }[] = [
  { id: "worker", name: "Worker", numeric: false },
  { id: "version", name: "Version", numeric: true },
  { id: "state", name: "State", numeric: false },
  { id: "pid", name: "Process", numeric: true },
  { id: "memoryBytes", name: "Memory", numeric: true },
  { id: "cpu", name: "CPU", numeric: true },
  { id: "cpuMs", name: "CPU time", numeric: true },
  { id: "ageMs", name: "Age", numeric: true },
  { id: "inFlight", name: "In flight", numeric: true },
  { id: "requests", name: "Requests", numeric: true },
];

const badges = { busy: "badge-accent", idle: "", draining: "badge-warn" } as const;

/** Runners and their cells, looked at again every few seconds. */
@Component({
  selector: "ow-runners",
  imports: [Load, LucideArrowDown, LucideArrowUp, RouterLink, Time],
  templateUrl: "./runners.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Runners {
  protected readonly columns = columns;
  protected readonly badges = badges;
  protected readonly sorting = signal<Sorting<Column>>({ by: "memoryBytes", descending: true });
  private readonly client = inject(Api);
  #before: Look | undefined;
  protected readonly found = resource({
    loader: async ({ abortSignal: signal }) => {
      const { items } = await this.client.data(this.client.api.GET("/v1/system/runners", { signal }));
      const [before, now] = [this.#before, lookAt(items)];
      this.#before = now;
      return items.map((runner) => ({
        runner,
        facts: factsOf(runner),
        cells: runner.cells.map((cell) => ({ ...cell, cpu: shareOf(keyOf(runner, cell), now, before) })),
      }));
    },
  });
  protected readonly runners = computed(() => {
    const { by, descending } = this.sorting();
    return (this.found.hasValue() ? this.found.value() : []).map(({ cells, ...each }) => ({
      ...each,
      cells: sorted(cells, (cell: Row) => cell[by], descending),
    }));
  });
  protected readonly formatBytes = formatBytes;
  protected readonly formatCpu = formatCpu;
  protected readonly formatSpan = formatSpan;

  constructor() {
    everySeconds(3, () => this.found.reload());
  }

  /** Numbers begin with the largest. */
  protected sort({ id, numeric }: (typeof columns)[number]): void {
    this.sorting.update(({ by, descending }) => ({ by: id, descending: by === id ? !descending : numeric }));
  }
}

function keyOf({ host, pid }: Runner, cell: Cell): string {
  return `${host} ${pid} ${cell.pid}`;
}

function lookAt(runners: readonly Runner[]): Look {
  const times = runners.flatMap((runner) =>
    runner.cells.map((cell) => [keyOf(runner, cell), cell.cpuMs] as const),
  );
  return { at: performance.now(), cpuMs: new Map(times) };
}

function shareOf(key: string, now: Look, before: Look | undefined): number | null {
  const [used, was] = [now.cpuMs.get(key), before?.cpuMs.get(key)];
  if (before === undefined || used === undefined || was === undefined) return null;
  return Math.max(0, (used - was) / (now.at - before.at));
}

function factsOf({ stats, connections, memoryBytes, availableMemory, cores }: Runner) {
  return [
    ["Cells", `${stats.cells}`],
    ["Ready", `${stats.blank}`],
    ["Starting", `${stats.starting}`],
    ["In flight", `${stats.inFlight}`],
    ["Waiting", `${stats.waiting}`],
    ["Cold starts", stats.coldStarts.toLocaleString()],
    ["Connections", `${connections}`],
    ["Own memory", formatBytes(memoryBytes)],
    ["Cores", `${cores}`],
    ["Free memory", `${Math.round(availableMemory * 100)} %`],
    ["Ended", endsOf(stats.ends)],
  ] as const;
}

function endsOf(ends: Readonly<Record<string, number>>): string {
  const told = Object.entries(ends).filter(([, count]) => count > 0);
  return told.length === 0 ? "none" : told.map(([why, count]) => `${count} ${why}`).join(", ");
}
