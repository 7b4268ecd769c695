import { ChangeDetectionStrategy, Component, computed, inject, input, resource } from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { LucideArrowLeft } from "@lucide/angular";
import type { components } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Load } from "../../ui/load.ts";
import { CurrentWorker } from "./current-worker.ts";
import { ModuleDiff } from "./module-diff.ts";
import { formatBytes } from "./numbers.ts";
import { filesOf, type VersionFile } from "./version-files.ts";

interface ChangedFile {
  readonly name: string;
  readonly before: VersionFile | undefined;
  readonly after: VersionFile | undefined;
}

interface Setting {
  readonly what: string;
  readonly before: string;
  readonly after: string;
}

/** Two versions of a worker beside each other. */
@Component({
  selector: "ow-compare-versions",
  imports: [Load, LucideArrowLeft, ModuleDiff, RouterLink],
  templateUrl: "./compare.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class CompareVersions {
  /** In the address, as are the other two. */
  readonly from = input<string>();
  readonly to = input<string>();
  readonly file = input<string>();
  protected readonly current = inject(CurrentWorker);
  private readonly client = inject(Api);
  private readonly router = inject(Router);
  private readonly last = computed(() => this.current.worker()?.lastVersion);
  protected readonly after = computed(() => Number(this.to()) || this.last());
  protected readonly before = computed(
    () =>
      Number(this.from()) || (this.after() === undefined ? undefined : Math.max(1, (this.after() ?? 1) - 1)),
  );
  /** Every number that a version can have, the newest first. */
  protected readonly numbers = computed(() =>
    Array.from({ length: this.last() ?? 0 }, (_, at) => (this.last() ?? 0) - at),
  );
  private readonly which = computed(() => {
    const [before, after] = [this.before(), this.after()];
    return before === undefined || after === undefined
      ? undefined
      : { worker: this.current.name(), before, after };
  });
  protected readonly diff = resource({
    params: () => this.which(),
    loader: ({ params: { worker, before, after }, abortSignal: signal }) =>
      this.client.data(
        this.client.api.GET("/v1/workers/{worker}/versions/{version}/diff", {
          params: { path: { worker, version: after }, query: { from: before } },
          signal,
        }),
      ),
  });
  protected readonly files = resource({
    params: () => this.which(),
    loader: async ({ params: { worker, before, after }, abortSignal }) => {
      const [a, b] = await Promise.all([
        filesOf(this.client, { worker, version: before }, abortSignal),
        filesOf(this.client, { worker, version: after }, abortSignal),
      ]);
      // What people wrote, where both have it; else what the runtime was given.
      const sources = a.sources.length > 0 && b.sources.length > 0 ? changedFiles(a.sources, b.sources) : [];
      return sources.length > 0 ? sources : changedFiles(a.modules, b.modules);
    },
  });
  protected readonly shown = computed(() => {
    const all = this.files.hasValue() ? this.files.value() : [];
    return all.find(({ name }) => name === this.file()) ?? all[0];
  });
  protected readonly settings = computed(() => (this.diff.hasValue() ? settingsOf(this.diff.value()) : []));

  protected choose(which: "from" | "to", version: string): void {
    const both = { from: this.before(), to: this.after(), [which]: Number(version) };
    void this.router.navigate([], { queryParams: { ...both, file: null }, queryParamsHandling: "merge" });
  }

  protected bytesOf({ before, after }: ChangedFile): string {
    if (before === undefined) return `new, ${formatBytes(after?.bytes ?? 0)}`;
    if (after === undefined) return "removed";
    return before.bytes === after.bytes
      ? formatBytes(after.bytes)
      : `${formatBytes(before.bytes)} → ${formatBytes(after.bytes)}`;
  }

  protected isText({ before, after }: ChangedFile): boolean {
    return [before, after].every((file) => file === undefined || file.text !== undefined);
  }
}

function changedFiles(before: readonly VersionFile[], after: readonly VersionFile[]): ChangedFile[] {
  const names = [...new Set([...after, ...before].map(({ name }) => name))];
  return names
    .map((name) => ({
      name,
      before: before.find((file) => file.name === name),
      after: after.find((file) => file.name === name),
    }))
    .filter(({ before: was, after: is }) => was?.hash !== is?.hash);
}

type Diff = Pick<components["schemas"]["VersionDiff"], "vars" | "settings" | "assets"> & {
  readonly bindings: readonly {
    readonly name: string;
    readonly before: Bound | null;
    readonly after: Bound | null;
  }[];
};
interface Bound {
  readonly kind: string;
  readonly resource?: string;
  readonly entrypoint?: string;
}

function settingsOf({ vars, bindings, settings, assets }: Diff): Setting[] {
  const binding = (bound: Bound | null) =>
    bound === null ? "–" : [bound.kind, bound.resource, bound.entrypoint].filter(Boolean).join(" ");
  return [
    ...vars.map(({ name, before, after }) => ({
      what: `Variable ${name}`,
      before: before?.value ?? "–",
      after: after?.value ?? "–",
    })),
    ...bindings.map(({ name, before, after }) => ({
      what: `Binding ${name}`,
      before: binding(before),
      after: binding(after),
    })),
    ...settings.map(({ name, before, after }) => ({
      what: name,
      before: textOf(before),
      after: textOf(after),
    })),
    ...assets.map(({ path, before, after }) => ({
      what: path,
      before: before === null ? "–" : formatBytes(before.bytes),
      after: after === null ? "–" : formatBytes(after.bytes),
    })),
  ];
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}
