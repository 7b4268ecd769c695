import { ChangeDetectionStrategy, Component, input } from "@angular/core";
import { LinkTabs } from "../../ui/link-tabs.ts";
import { Page } from "../../ui/page.ts";

/** What the pages of one's account have in common. */
@Component({
  selector: "ow-account-page",
  imports: [LinkTabs, Page],
  template: `
    <ow-page [heading]="heading()">
      <ng-container ngProjectAs="[actions]"><ng-content select="[actions]" /></ng-container>
      <ow-link-tabs label="Account" [tabs]="tabs" />
      <ng-content />
    </ow-page>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class AccountPage {
  readonly heading = input.required<string>();
  protected readonly tabs = [
    { name: "Profile", path: "/account" },
    { name: "Security", path: "/account/security" },
    { name: "API keys", path: "/account/keys" },
  ];
}
