import { ChangeDetectionStrategy, Component } from "@angular/core";
import { RouterLink, RouterLinkActive, RouterOutlet } from "@angular/router";
import { Page } from "../../ui/page.ts";

/** The platform as a whole, for its operators. */
@Component({
  selector: "ow-system",
  imports: [Page, RouterLink, RouterLinkActive, RouterOutlet],
  template: `
    <ow-page heading="System" lead="The platform itself, as its operators see it.">
      <nav class="mb-5 overflow-x-auto" aria-label="System">
        <ul class="flex gap-1 border-b border-line">
          @for (tab of tabs; track tab.path) {
            <li>
              <a
                [routerLink]="['/system', tab.path]"
                routerLinkActive="!border-accent !text-text"
                ariaCurrentWhenActive="page"
                class="flex h-9 items-center border-b-2 border-transparent px-2.5 font-medium text-muted hover:text-text focus-visible:-outline-offset-2"
                >{{ tab.name }}</a
              >
            </li>
          }
        </ul>
      </nav>
      <router-outlet />
    </ow-page>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class SystemFrame {
  protected readonly tabs = [
    { path: "runners", name: "Runners" },
    { path: "services", name: "Services" },
    { path: "versions", name: "Versions" },
    { path: "users", name: "Users" },
  ];
}
