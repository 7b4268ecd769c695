import { ChangeDetectionStrategy, Component, computed, inject } from "@angular/core";
import { LucideX } from "@lucide/angular";
import { formatBytes } from "../../ui/bytes.ts";
import { type Upload, Uploads } from "./uploads.ts";

/** Rows at a time: of ten thousand files nobody reads all. */
const shown = 100;

/** How far the uploads are, in all and each. */
@Component({
  selector: "ow-upload-list",
  imports: [LucideX],
  template: `
    @if (uploads.all().length > 0) {
      <section class="card mb-4" aria-label="Uploads">
        <div class="flex flex-wrap items-center gap-3 p-3">
          <p class="grow tabular-nums" role="status">{{ summary() }}</p>
          @if (uploads.failed() > 0) {
            <button type="button" class="button button-small" (click)="uploads.again()">Try failed ones again</button>
          }
          @if (uploads.open() > 0) {
            <button type="button" class="button button-small" (click)="uploads.stop()">Stop</button>
          } @else {
            <button type="button" class="button button-quiet button-icon button-small" aria-label="Clear the list of uploads" (click)="uploads.clear()"><svg lucideX size="14"></svg></button>
          }
        </div>
        <progress class="block h-1 w-full" aria-label="All uploads" [value]="uploads.sent()" [max]="uploads.total() || 1"></progress>
        <ul class="max-h-56 overflow-auto py-1" tabindex="0" aria-label="Each upload">
          @for (upload of rows(); track upload.id) {
            <li class="flex items-center gap-3 px-3 py-1 text-[13px]">
              <span class="min-w-0 grow truncate font-mono text-xs">{{ upload.key }}</span>
              <span class="shrink-0 text-muted tabular-nums" [class.text-bad]="upload.state === 'failed'">{{ state(upload) }}</span>
            </li>
          }
        </ul>
      </section>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class UploadList {
  protected readonly uploads = inject(Uploads);
  // What moves and what went wrong before what is done.
  protected readonly rows = computed(() =>
    this.uploads
      .all()
      .toSorted((a, b) => order[a.state] - order[b.state])
      .slice(0, shown),
  );
  protected readonly summary = computed(() => {
    const all = this.uploads.all();
    const done = all.filter(({ state }) => state === "done").length;
    const bytes = `${formatBytes(this.uploads.sent())} of ${formatBytes(this.uploads.total())}`;
    const failed = this.uploads.failed();
    return `${done.toLocaleString()} of ${all.length.toLocaleString()} files, ${bytes}${failed === 0 ? "" : `, ${failed} failed`}`;
  });

  protected state({ state, sent, file, failure }: Upload): string {
    if (state === "sending") return file.size === 0 ? "sending" : `${Math.floor((sent / file.size) * 100)} %`;
    return state === "failed" ? (failure ?? "failed") : state === "done" ? formatBytes(file.size) : state;
  }
}

const order = { failed: 0, sending: 1, waiting: 2, stopped: 3, done: 4 } as const;
