import {
  ChangeDetectionStrategy,
  Component,
  computed,
  inject,
  input,
  output,
  resource,
  signal,
} from "@angular/core";
import { Api } from "../../api/api.ts";
import { messageOf } from "../../api/failure.ts";
import { Accounts } from "../../session/accounts.ts";
import { formatBytes, hexDump, textOf } from "../../ui/bytes.ts";
import { Confirm } from "../../ui/confirm.ts";
import { Copy } from "../../ui/copy.ts";
import { Dialog } from "../../ui/dialog.ts";
import { Load } from "../../ui/load.ts";
import { Time } from "../../ui/time.ts";
import { Toasts } from "../../ui/toasts.ts";
import { Objects } from "./objects.ts";

const textBytes = 64 * 1_024;
const hexBytes = 4_096;
const largestPicture = 32 * 2 ** 20;
const linkSeconds = 3_600;

interface Facts {
  readonly size: number;
  readonly type: string;
  readonly etag: string;
  readonly stored: string | null;
  readonly metadata: readonly (readonly [string, string])[];
}

/** An object: what is known of it, what it looks like where that is safe, and what can be done with it. */
@Component({
  selector: "ow-object",
  imports: [Copy, Dialog, Load, Time],
  template: `
    <ow-dialog [open]="true" [wide]="true" [title]="key()" (closed)="closed.emit()">
      @if (facts.hasValue()) {
        @let known = facts.value();
        <dl class="mb-4 grid grid-cols-[auto_1fr] gap-x-6 gap-y-1 text-[13px]">
          <dt class="text-muted">Size</dt>
          <dd class="tabular-nums" [title]="known.size + ' bytes'">{{ formatBytes(known.size) }}</dd>
          <dt class="text-muted">Type</dt>
          <dd>{{ known.type }}</dd>
          @if (known.stored; as time) {
            <dt class="text-muted">Stored</dt>
            <dd><ow-time [value]="time" /></dd>
          }
          <dt class="text-muted">ETag</dt>
          <dd class="font-mono text-xs break-all">{{ known.etag }}</dd>
          @for (pair of known.metadata; track pair[0]) {
            <dt class="text-muted">{{ pair[0] }}</dt>
            <dd class="break-all">{{ pair[1] }}</dd>
          }
        </dl>
        <div class="mb-4 min-h-40 overflow-hidden rounded-md border border-line bg-sunken">
          @switch (kind()) {
            @case ("image") {
              <img class="mx-auto max-h-96 max-w-full object-contain" [src]="url()" [alt]="'Preview of ' + key()" />
            }
            @case ("video") {
              <video class="mx-auto max-h-96 max-w-full" controls preload="metadata" [src]="url()" [attr.aria-label]="'Preview of ' + key()"></video>
            }
            @case ("audio") {
              <audio class="w-full p-4" controls preload="metadata" [src]="url()" [attr.aria-label]="'Preview of ' + key()"></audio>
            }
            @default {
              @if (start.hasValue()) {
                <pre class="max-h-96 overflow-auto p-3 font-mono text-xs break-all whitespace-pre-wrap" tabindex="0" [attr.aria-label]="'Beginning of ' + key()">{{ start.value() }}</pre>
              } @else {
                <ow-load [of]="start" [rows]="4" />
              }
            }
          }
        </div>
        @if (link(); as made) {
          <div class="mb-4">
            <p class="label">Anybody with this link gets the object, for an hour</p>
            <div class="flex items-center gap-1"><input class="input font-mono text-xs" readonly aria-label="Link" [value]="made" /><ow-copy [text]="made" label="Copy the link" /></div>
          </div>
        }
      } @else {
        <ow-load [of]="facts" [rows]="8" />
      }
      <div class="flex flex-wrap justify-between gap-2">
        @if (accounts.mayDelete()) {
          <button type="button" class="button" (click)="remove()">Delete</button>
        }
        <div class="ml-auto flex gap-2">
          <button type="button" class="button" (click)="share()">Make a link</button>
          <a class="button button-primary" [href]="url()" [attr.download]="name()">Download</a>
        </div>
      </div>
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class ObjectView {
  readonly bucket = input.required<string>();
  readonly key = input.required<string>();
  readonly deleted = output<void>();
  readonly closed = output<void>();
  protected readonly accounts = inject(Accounts);
  private readonly client = inject(Api);
  private readonly confirm = inject(Confirm);
  private readonly objects = inject(Objects);
  private readonly toasts = inject(Toasts);
  protected readonly formatBytes = formatBytes;
  protected readonly link = signal<string | undefined>(undefined);
  protected readonly url = computed(() => this.objects.url(this.bucket(), this.key()));
  protected readonly name = computed(() => this.key().split("/").at(-1) || "object");
  protected readonly facts = resource({
    params: () => this.url(),
    loader: async ({ params, abortSignal }): Promise<Facts> => {
      const { headers } = await this.client.fetch(params, { method: "HEAD", signal: abortSignal });
      return {
        size: Number(headers.get("content-length") ?? 0),
        type: headers.get("content-type") ?? "application/octet-stream",
        etag: headers.get("etag") ?? "",
        stored: headers.get("last-modified"),
        metadata: Object.entries(
          JSON.parse(headers.get("ow-custom-metadata") ?? "{}") as Record<string, string>,
        ),
      };
    },
  });
  /** What is shown as what it says to be: pictures and sounds cannot do anything. All else is shown as bytes. */
  protected readonly kind = computed(() => {
    if (!this.facts.hasValue()) return "bytes";
    const { type, size } = this.facts.value();
    const family = type.split("/")[0] ?? "";
    if (family === "image" && size > largestPicture) return "bytes";
    return ["image", "video", "audio"].includes(family) ? family : "bytes";
  });
  protected readonly start = resource({
    params: () => (this.facts.hasValue() && this.kind() === "bytes" ? this.facts.value().size : undefined),
    loader: async ({ params: size, abortSignal }) => {
      if (size === 0) return "It is empty.";
      const bytes = await this.objects.head(this.bucket(), this.key(), textBytes, abortSignal);
      // What was cut in the middle of a character is text as well.
      const text = [0, 1, 2, 3]
        .map((cut) => textOf(bytes.subarray(0, bytes.length - cut)))
        .find((each) => each !== undefined);
      const shown = text ?? hexDump(bytes.subarray(0, hexBytes));
      return size > bytes.length || text === undefined ? `${shown}\n…` : shown;
    },
  });

  protected async share(): Promise<void> {
    try {
      this.link.set(await this.objects.link(this.bucket(), this.key(), linkSeconds));
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
    }
  }

  protected async remove(): Promise<void> {
    const agreed = await this.confirm.ask({
      title: "Delete this object?",
      text: `${this.key()} is gone at once, for workers too. This cannot be undone.`,
      action: "Delete the object",
    });
    if (!agreed) return;
    try {
      await this.objects.delete(this.bucket(), this.key());
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
      return;
    }
    this.toasts.done(`${this.key()} is deleted.`);
    this.deleted.emit();
    this.closed.emit();
  }
}
