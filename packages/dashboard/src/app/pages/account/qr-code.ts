import { ChangeDetectionStrategy, Component, computed, input } from "@angular/core";
import { encode } from "uqr";

/** Modules of white around it that readers need (ISO/IEC 18004 §6.3.8). */
const quietZone = 4;

/** A text as a QR code, made here: what it says leaves the page on no way but by eye. */
@Component({
  selector: "ow-qr-code",
  template: `
    <svg [attr.viewBox]="'0 0 ' + code().size + ' ' + code().size" width="192" height="192" role="img" [attr.aria-label]="label()" shape-rendering="crispEdges">
      <rect width="100%" height="100%" fill="#ffffff" />
      <path [attr.d]="path()" fill="#000000" />
    </svg>
  `,
  host: { class: "inline-block overflow-hidden rounded-md border border-line" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class QrCode {
  readonly text = input.required<string>();
  readonly label = input.required<string>();
  protected readonly code = computed(() => encode(this.text(), { border: quietZone, ecc: "M" }));
  protected readonly path = computed(() =>
    this.code()
      .data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : "")))
      .join(""),
  );
}
