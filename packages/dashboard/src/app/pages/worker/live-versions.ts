import { ChangeDetectionStrategy, Component, input } from "@angular/core";

/** Which versions a deployment serves, with their shares when there are several. */
@Component({
  selector: "ow-live-versions",
  template: `
    @for (share of versions(); track share.version) {
      <span class="badge tabular-nums" [class.badge-good]="live()">
        v{{ share.version }}
        @if (versions().length > 1) {
          <span class="font-normal">{{ share.percent }} %</span>
        }
      </span>
    } @empty {
      <span class="badge">Not deployed</span>
    }
  `,
  host: { class: "inline-flex flex-wrap gap-1" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class LiveVersions {
  readonly versions = input.required<readonly { readonly version: number; readonly percent: number }[]>();
  /** Whether they serve requests now. */
  readonly live = input(false);
}
