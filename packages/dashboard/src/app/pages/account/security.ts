import { ChangeDetectionStrategy, Component } from "@angular/core";
import { AccountPage } from "./account-page.ts";
import { FreshSignInDialog } from "./fresh-sign-in.ts";
import { PasswordCard } from "./password-card.ts";
import { SessionsCard } from "./sessions-card.ts";
import { TwoFactorCard } from "./two-factor-card.ts";

/** How one signs in, and where one is signed in. */
@Component({
  selector: "ow-security",
  imports: [AccountPage, FreshSignInDialog, PasswordCard, SessionsCard, TwoFactorCard],
  template: `
    <ow-account-page heading="Security">
      <ow-password-card (changed)="sessions.reload()" />
      <ow-two-factor-card (changed)="sessions.reload()" />
      <ow-sessions-card #sessions />
    </ow-account-page>
    <ow-fresh-sign-in />
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Security {}
