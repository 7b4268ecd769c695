import { ChangeDetectionStrategy, Component } from "@angular/core";
import { RouterOutlet } from "@angular/router";
import { LinkTabs } from "../../ui/link-tabs.ts";
import { Page } from "../../ui/page.ts";

/** The platform as a whole, for its operators. */
@Component({
  selector: "ow-system",
  imports: [LinkTabs, Page, RouterOutlet],
  template: `
    <ow-page heading="System" lead="The platform itself, as its operators see it.">
      <ow-link-tabs label="System" [tabs]="tabs" />
      <router-outlet />
    </ow-page>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class SystemFrame {
  protected readonly tabs = [
    { path: "/system/runners", name: "Runners" },
    { path: "/system/services", name: "Services" },
    { path: "/system/versions", name: "Versions" },
    { path: "/system/users", name: "Users" },
  ];
}
