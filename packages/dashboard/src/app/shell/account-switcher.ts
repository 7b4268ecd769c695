import { ChangeDetectionStrategy, Component, inject } from "@angular/core";
import { Router } from "@angular/router";
import { Account } from "../session/account.ts";
import { Accounts } from "../session/accounts.ts";
import { Session } from "../session/session.ts";

/** Whose things the pages show. For those who are in no organisation there is nothing to choose. */
@Component({
  selector: "ow-account-switcher",
  template: `
    <select class="input" aria-label="Account" [disabled]="accounts.organisations().length === 0" (change)="show($any($event.target).value)">
      <option value="" [selected]="account.organisation() === undefined">{{ session.person()?.name }}</option>
      @for (organisation of accounts.organisations(); track organisation.id) {
        <option [value]="organisation.name" [selected]="organisation.name === account.organisation()">
          {{ organisation.displayName ?? organisation.name }}
        </option>
      }
    </select>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class AccountSwitcher {
  protected readonly session = inject(Session);
  protected readonly account = inject(Account);
  protected readonly accounts = inject(Accounts);
  private readonly router = inject(Router);

  protected async show(name: string): Promise<void> {
    await this.accounts.show(name === "" ? undefined : name);
    // What is one account's has no page in another.
    const [, area = "", ...rest] = this.router.url.split(/[?#]/)[0]?.split("/") ?? [];
    const isOfAccount = rest.length > 0 && !["account", "organisation", "system"].includes(area);
    if (isOfAccount) await this.router.navigateByUrl(`/${area}`);
  }
}
