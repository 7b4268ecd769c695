import { ChangeDetectionStrategy, Component, input } from "@angular/core";
import { RouterLink, RouterLinkActive } from "@angular/router";

export interface LinkTab {
  readonly name: string;
  readonly path: string;
}

/** The pages of an area beside one another; the first is the area's own. */
@Component({
  selector: "ow-link-tabs",
  imports: [RouterLink, RouterLinkActive],
  template: `
    <nav [attr.aria-label]="label()" class="mb-5 flex gap-4 overflow-x-auto border-b border-line">
      @for (tab of tabs(); track tab.path; let first = $first) {
        <a
          [routerLink]="tab.path"
          routerLinkActive="!border-accent !text-text"
          ariaCurrentWhenActive="page"
          [routerLinkActiveOptions]="{ exact: first }"
          class="-mb-px border-b-2 border-transparent pb-2 font-medium whitespace-nowrap text-muted hover:text-text focus-visible:-outline-offset-2"
        >
          {{ tab.name }}
        </a>
      }
    </nav>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class LinkTabs {
  readonly label = input.required<string>();
  readonly tabs = input.required<readonly LinkTab[]>();
}
