import {
  ChangeDetectionStrategy,
  Component,
  computed,
  inject,
  input,
  numberAttribute,
  resource,
} from "@angular/core";
import { RouterLink } from "@angular/router";
import { LucideArrowLeft, LucideExternalLink } from "@lucide/angular";
import { Api } from "../../api/api.ts";
import { CodeEditor } from "../../editor/code-editor.ts";
import { Load } from "../../ui/load.ts";
import { Time } from "../../ui/time.ts";
import { CurrentWorker, previewUrl } from "./current-worker.ts";
import { formatBytes } from "./numbers.ts";
import { filesOf } from "./version-files.ts";

/** One version of a worker: what it says and what it is made of. */
@Component({
  selector: "ow-worker-version",
  imports: [CodeEditor, Load, LucideArrowLeft, LucideExternalLink, RouterLink, Time],
  templateUrl: "./version.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class WorkerVersion {
  readonly version = input.required({ transform: numberAttribute });
  /** In the address: the file that is shown. */
  readonly file = input<string>();
  /** In the address: `deployed` shows what the runtime was given instead of the sources. */
  readonly as = input<string>();
  protected readonly current = inject(CurrentWorker);
  private readonly client = inject(Api);
  protected readonly formatBytes = formatBytes;
  private readonly which = computed(() => ({ worker: this.current.name(), version: this.version() }));
  protected readonly details = resource({
    params: () => this.which(),
    loader: ({ params: path, abortSignal: signal }) =>
      this.client.data(
        this.client.api.GET("/v1/workers/{worker}/versions/{version}", { params: { path }, signal }),
      ),
  });
  protected readonly files = resource({
    params: () => this.which(),
    loader: ({ params, abortSignal }) => filesOf(this.client, params, abortSignal),
  });
  protected readonly hasSources = computed(
    () => this.files.hasValue() && this.files.value().sources.length > 0,
  );
  protected readonly asDeployed = computed(() => this.as() === "deployed" || !this.hasSources());
  protected readonly listed = computed(() => {
    if (!this.files.hasValue()) return [];
    const { modules, sources } = this.files.value();
    return this.asDeployed() ? modules : sources;
  });
  protected readonly shown = computed(
    () => this.listed().find(({ name }) => name === this.file()) ?? this.listed()[0],
  );
  protected readonly texts = computed(() =>
    this.listed().flatMap(({ name, text }) => (text === undefined ? [] : [{ name, text }])),
  );
  protected readonly preview = computed(() => {
    const worker = this.current.worker();
    return worker === undefined ? undefined : previewUrl(worker.url, this.version());
  });
}
