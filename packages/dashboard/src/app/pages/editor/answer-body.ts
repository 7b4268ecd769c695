import { ChangeDetectionStrategy, Component, computed, effect, input, signal } from "@angular/core";
import { formatBytes, hexDump } from "../../ui/bytes.ts";

const hexBytes = 16_384;

type Shown =
  | { readonly kind: "empty" }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "image" }
  | { readonly kind: "binary"; readonly text: string };

/** An answer's body by its type: JSON in lines, text, an image, or bytes. */
@Component({
  selector: "ow-answer-body",
  template: `
    @switch (shown().kind) {
      @case ("empty") {
        <p class="px-3 py-3 text-[13px] text-muted">The answer has no body.</p>
      }
      @case ("image") {
        <div class="p-3"><img class="max-w-full rounded border border-line" [src]="url()" alt="The answer's body" /></div>
      }
      @default {
        <pre class="px-3 py-2 font-mono text-xs leading-5 break-words whitespace-pre-wrap" [class.whitespace-pre]="shown().kind === 'binary'">{{ text() }}</pre>
      }
    }
    @if (truncated()) {
      <p class="px-3 pb-3 text-[13px] text-muted">It goes on; this is as far as it came ({{ size() }}).</p>
    }
  `,
  host: {
    class: "block min-h-0 overflow-auto",
    tabindex: "0",
    "aria-label": "Body of the answer",
    role: "region",
  },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class AnswerBody {
  readonly bytes = input.required<Uint8Array<ArrayBuffer>>();
  readonly type = input.required<string>();
  readonly truncated = input(false);
  protected readonly size = computed(() => formatBytes(this.bytes().length));
  protected readonly url = signal("");
  protected readonly shown = computed(() => shownAs(this.bytes(), this.type().toLowerCase()));
  protected readonly text = computed(() => {
    const shown = this.shown();
    return shown.kind === "text" || shown.kind === "binary" ? shown.text : "";
  });

  constructor() {
    effect((onCleanup) => {
      if (this.shown().kind !== "image") return;
      const url = URL.createObjectURL(new Blob([this.bytes()], { type: this.type() }));
      this.url.set(url);
      onCleanup(() => URL.revokeObjectURL(url));
    });
  }
}

function shownAs(bytes: Uint8Array, type: string): Shown {
  if (bytes.length === 0) return { kind: "empty" };
  if (/^image\/(png|jpeg|gif|webp|avif|svg\+xml)/.test(type)) return { kind: "image" };
  const text = textOf(bytes);
  if (text === undefined) return { kind: "binary", text: hexDump(bytes.subarray(0, hexBytes)) };
  return { kind: "text", text: /^application\/(.*\+)?json/.test(type) ? pretty(text) : text };
}

/** Undefined for what is no text. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    // What was cut may end within a character.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // It says that it is JSON, and is not, or not all of it.
    return text;
  }
}
