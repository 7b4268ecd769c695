import { ChangeDetectionStrategy, Component, computed, inject, signal } from "@angular/core";
import { LucidePlus } from "@lucide/angular";
import { Accounts } from "../../session/accounts.ts";
import { LinkTabs } from "../../ui/link-tabs.ts";
import { Page } from "../../ui/page.ts";
import { NewOrganisation } from "./new-organisation.ts";

/** What the pages of the account that is shown have in common: an organisation's, or the reader's own. */
@Component({
  selector: "ow-organisation-page",
  imports: [LinkTabs, LucidePlus, NewOrganisation, Page],
  template: `
    <ow-page [heading]="heading()">
      <button actions type="button" class="button" (click)="making.set(true)"><svg lucidePlus size="16"></svg> New organisation</button>
      <ow-link-tabs label="Organisation" [tabs]="tabs()" />
      <ng-content />
    </ow-page>
    <ow-new-organisation [open]="making()" (closed)="making.set(false)" />
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class OrganisationPage {
  private readonly current = inject(Accounts).current;
  protected readonly making = signal(false);
  protected readonly heading = computed(() => {
    const organisation = this.current();
    return organisation === undefined ? "Your account" : (organisation.displayName ?? organisation.name);
  });
  protected readonly tabs = computed(() => [
    { name: this.current() === undefined ? "Organisations" : "Members", path: "/organisation" },
    { name: "Usage and limits", path: "/organisation/usage" },
    { name: "Audit log", path: "/organisation/audit" },
    ...(this.current() === undefined ? [] : [{ name: "Settings", path: "/organisation/settings" }]),
  ]);
}
