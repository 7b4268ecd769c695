import {
  ChangeDetectionStrategy,
  Component,
  computed,
  effect,
  inject,
  input,
  output,
  resource,
  signal,
} from "@angular/core";
import { Api } from "../../api/api.ts";
import { issueOf, messageOf } from "../../api/failure.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { download, formatBytes, hexDump, textOf } from "../../ui/bytes.ts";
import { Confirm } from "../../ui/confirm.ts";
import { Dialog } from "../../ui/dialog.ts";
import { Field } from "../../ui/field.ts";
import { Sending } from "../../ui/form.ts";
import { Load } from "../../ui/load.ts";
import { Toasts } from "../../ui/toasts.ts";

/** More than that is not put into a text field, nor shown byte by byte. */
const shownBytes = 2 ** 20;
const shownHexBytes = 2 ** 14;

interface Entry {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly expiration: number | undefined;
  readonly metadata: string;
}

type Format = "text" | "json" | "binary";

/** One key's value in a dialog, to look at, to change and to delete; or a new one. */
@Component({
  selector: "ow-kv-entry",
  imports: [Dialog, Field, Load],
  templateUrl: "./entry-editor.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class EntryEditor {
  readonly namespace = input.required<string>();
  /** Undefined for a new one. */
  readonly key = input<string>();
  readonly saved = output<void>();
  readonly closed = output<void>();
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  protected readonly mayWrite = inject(Accounts).mayWrite;
  protected readonly sending = new Sending();
  protected readonly name = signal("");
  protected readonly format = signal<Format>("text");
  protected readonly text = signal("");
  protected readonly metadata = signal("");
  protected readonly expires = signal<"never" | "after" | "at">("never");
  protected readonly seconds = signal("3600");
  protected readonly moment = signal("");
  /** Of a binary value, or one that is too large for a field. */
  protected readonly bytes = signal<Uint8Array<ArrayBuffer>>(new Uint8Array());
  protected readonly formats = [
    ["text", "Text"],
    ["json", "JSON"],
    ["binary", "Binary"],
  ] as const;

  protected readonly entry = resource({
    params: () => this.key(),
    loader: ({ params, abortSignal }) => this.#read(params, abortSignal),
  });
  protected readonly ready = computed(() => this.key() === undefined || this.entry.hasValue());
  protected readonly size = computed(() =>
    formatBytes(
      this.format() === "binary" ? this.bytes().length : new TextEncoder().encode(this.text()).length,
    ),
  );
  protected readonly hex = computed(() => hexDump(this.bytes().subarray(0, shownHexBytes)));
  protected readonly hexIsCut = computed(() => this.bytes().length > shownHexBytes);
  protected readonly jsonFault = computed(() =>
    this.format() === "json" ? faultOf(this.text()) : undefined,
  );
  protected readonly metadataFault = computed(() =>
    this.metadata().trim() === "" ? issueOf(this.sending.failure(), "metadata") : faultOf(this.metadata()),
  );

  constructor() {
    effect(() => {
      if (!this.entry.hasValue()) return;
      const { bytes, expiration, metadata } = this.entry.value();
      const text = bytes.length <= shownBytes ? textOf(bytes) : undefined;
      this.bytes.set(bytes);
      this.text.set(text ?? "");
      this.format.set(text === undefined ? "binary" : looksLikeJson(text) ? "json" : "text");
      this.metadata.set(metadata);
      this.expires.set(expiration === undefined ? "never" : "at");
      if (expiration !== undefined) this.moment.set(localMoment(expiration * 1_000));
    });
  }

  protected choose(format: Format): void {
    const before = this.format();
    if (format === "binary" && before !== "binary") this.bytes.set(new TextEncoder().encode(this.text()));
    if (format !== "binary" && before === "binary") {
      const text = this.bytes().length <= shownBytes ? textOf(this.bytes()) : undefined;
      if (text === undefined) {
        this.toasts.failed("Its bytes are no text that can be edited here.");
        return;
      }
      this.text.set(text);
    }
    this.format.set(format);
  }

  protected tidy(): void {
    this.text.set(JSON.stringify(JSON.parse(this.text()), undefined, 2));
  }

  protected async take(file: File | undefined): Promise<void> {
    if (file === undefined) return;
    this.bytes.set(new Uint8Array(await file.arrayBuffer()));
    this.format.set("binary");
  }

  protected save(): void {
    const name = this.key() ?? this.name();
    void this.sending.run(async () => {
      const query = new URLSearchParams(this.account.query());
      if (this.expires() === "after") query.set("expirationTtl", this.seconds());
      if (this.expires() === "at") query.set("expiration", String(this.#expiration()));
      if (this.metadata().trim() !== "") query.set("metadata", JSON.stringify(JSON.parse(this.metadata())));
      const body = this.format() === "binary" ? this.bytes() : new TextEncoder().encode(this.text());
      await this.client.fetch(`${this.#path(name)}?${query}`, {
        method: "PUT",
        headers: { "content-type": "application/octet-stream" },
        body: new Blob([body]),
      });
      this.toasts.done(`${name} is stored.`);
      this.saved.emit();
      this.closed.emit();
    });
  }

  protected async remove(name: string): Promise<void> {
    const agreed = await this.confirm.ask({
      title: "Delete this key?",
      text: `${name} is gone at once, for workers too. This cannot be undone.`,
      action: "Delete the key",
    });
    if (!agreed) return;
    try {
      await this.client.fetch(`${this.#path(name)}?${new URLSearchParams(this.account.query())}`, {
        method: "DELETE",
      });
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
      return;
    }
    this.toasts.done(`${name} is deleted.`);
    this.saved.emit();
    this.closed.emit();
  }

  protected keep(): void {
    const bytes = this.format() === "binary" ? this.bytes() : new TextEncoder().encode(this.text());
    download((this.key() ?? "value").replaceAll(/[/\\]/g, "_"), new Blob([bytes]));
  }

  /** To the second as it was when nobody has changed it: the field shows minutes. */
  #expiration(): number {
    const before = this.entry.hasValue() ? this.entry.value().expiration : undefined;
    if (before !== undefined && localMoment(before * 1_000) === this.moment()) return before;
    return Math.round(Date.parse(this.moment()) / 1_000);
  }

  async #read(key: string, signal: AbortSignal): Promise<Entry> {
    const query = new URLSearchParams(this.account.query());
    const response = await this.client.fetch(`${this.#path(key)}?${query}`, { signal });
    const metadata = response.headers.get("ow-kv-metadata");
    return {
      bytes: new Uint8Array(await response.arrayBuffer()),
      expiration: Number(response.headers.get("ow-kv-expiration") ?? 0) || undefined,
      metadata:
        metadata === null ? "" : JSON.stringify(JSON.parse(decodeURIComponent(metadata)), undefined, 2),
    };
  }

  #path(key: string): string {
    return `/v1/kv/${encodeURIComponent(this.namespace())}/values/${encodeURIComponent(key)}`;
  }
}

function faultOf(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (thrown) {
    return `This is not JSON: ${messageOf(thrown)}.`;
  }
}

function looksLikeJson(text: string): boolean {
  return /^\s*[[{]/.test(text) && faultOf(text) === undefined;
}

/** As a `datetime-local` field has it, in the reader's zone. */
function localMoment(time: number): string {
  const date = new Date(time);
  return new Date(time - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
