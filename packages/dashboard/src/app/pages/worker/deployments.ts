import { ChangeDetectionStrategy, Component, computed, inject, signal } from "@angular/core";
import { RouterLink } from "@angular/router";
import { LucideExternalLink, LucideUndo2 } from "@lucide/angular";
import { Api } from "../../api/api.ts";
import { Empty } from "../../ui/empty.ts";
import { Load } from "../../ui/load.ts";
import { Time } from "../../ui/time.ts";
import { CurrentWorker, previewUrl } from "./current-worker.ts";
import { LiveVersions } from "./live-versions.ts";
import { MakeLive, type Target } from "./make-live.ts";
import { formatBytes } from "./numbers.ts";
import { paged } from "./paged.ts";
import { ShiftTraffic } from "./shift-traffic.ts";

const first = { limit: 20 };

/** A worker's deployments and versions: who made what live when, and how to go back or over to another. */
@Component({
  selector: "ow-worker-deployments",
  imports: [
    Empty,
    LiveVersions,
    Load,
    LucideExternalLink,
    LucideUndo2,
    MakeLive,
    RouterLink,
    ShiftTraffic,
    Time,
  ],
  templateUrl: "./deployments.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class WorkerDeployments {
  protected readonly current = inject(CurrentWorker);
  private readonly client = inject(Api);
  protected readonly formatBytes = formatBytes;
  protected readonly previewUrl = previewUrl;
  private readonly path = computed(() => ({ worker: this.current.name() }));
  protected readonly deployments = paged(
    () => this.path(),
    (path, page, signal) =>
      this.client.data(
        this.client.api.GET("/v1/workers/{worker}/deployments", {
          params: { path, query: { ...first, ...page } },
          signal,
        }),
      ),
  );
  protected readonly versions = paged(
    () => this.path(),
    (path, page, signal) =>
      this.client.data(
        this.client.api.GET("/v1/workers/{worker}/versions", {
          params: { path, query: { ...first, ...page } },
          signal,
        }),
      ),
  );
  protected readonly numbers = computed(() => this.versions.items()?.map(({ number }) => number) ?? []);
  protected readonly live = computed(() => this.deployments.items()?.find(({ live }) => live));
  /** The one before: where a roll-back leads without another choice. */
  protected readonly before = computed(() => {
    const live = this.live();
    const past = (this.deployments.items() ?? []).filter((one) => one !== live);
    return past.find((one) => textOf(one.versions) !== textOf(live?.versions ?? []));
  });
  protected readonly target = signal<Target | undefined>(undefined);

  protected changed(): void {
    this.target.set(undefined);
    this.current.reload();
    this.deployments.reload();
    this.versions.reload();
  }
}

function textOf(shares: Target["versions"]): string {
  return shares.map(({ version, percent }) => `${version}:${percent}`).join();
}
