import { ChangeDetectionStrategy, Component, inject } from "@angular/core";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { Load } from "../../ui/load.ts";
import { InvitationsCard } from "./invitations-card.ts";
import { MembersCard } from "./members-card.ts";
import { OrganisationPage } from "./organisation-page.ts";
import { OrganisationsCard } from "./organisations-card.ts";

/** Who works in the organisation that is shown; of the reader's own account, the organisations they are in. */
@Component({
  selector: "ow-members",
  imports: [InvitationsCard, Load, MembersCard, OrganisationPage, OrganisationsCard],
  template: `
    <ow-organisation-page>
      @if (accounts.current(); as organisation) {
        <ow-members-card [organisation]="organisation" />
        @if (accounts.isAtLeast("admin")) {
          <ow-invitations-card [organisation]="organisation" />
        }
      } @else if (account.organisation() === undefined) {
        <ow-organisations-card />
      } @else {
        <div class="card"><ow-load [of]="accounts.list" /></div>
      }
    </ow-organisation-page>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Members {
  protected readonly account = inject(Account);
  protected readonly accounts = inject(Accounts);
}
