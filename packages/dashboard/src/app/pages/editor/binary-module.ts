import { ChangeDetectionStrategy, Component, computed, input } from "@angular/core";
import type { SourceModule } from "../../editor/modules.ts";
import { formatBytes, hexDump } from "../../ui/bytes.ts";

const shownBytes = 4_096;

/** A module that is no text, as bytes; it is deployed as it is. */
@Component({
  selector: "ow-binary-module",
  template: `
    <p class="px-4 pt-3 text-[13px] text-muted">{{ size() }}, as it was deployed. It cannot be edited here; its beginning:</p>
    <pre class="overflow-auto px-4 py-3 font-mono text-xs leading-5" tabindex="0" [attr.aria-label]="'Bytes of ' + module().name">{{ dump() }}</pre>
  `,
  host: { class: "flex min-h-0 flex-col" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class BinaryModule {
  readonly module = input.required<SourceModule>();
  private readonly bytes = computed(() => {
    const { content } = this.module();
    return typeof content === "string" ? new TextEncoder().encode(content) : content;
  });
  protected readonly size = computed(() => formatBytes(this.bytes().byteLength));
  protected readonly dump = computed(() => hexDump(this.bytes().subarray(0, shownBytes)));
}
