import { ChangeDetectionStrategy, Component, inject, signal } from "@angular/core";
import { Accounts } from "../../session/accounts.ts";
import { Empty } from "../../ui/empty.ts";
import { Load } from "../../ui/load.ts";
import { Time } from "../../ui/time.ts";
import { TitledCard } from "../../ui/titled-card.ts";
import { NewOrganisation } from "./new-organisation.ts";

@Component({
  selector: "ow-organisations-card",
  imports: [Empty, Load, NewOrganisation, Time, TitledCard],
  template: `
    <ow-titled-card heading="Organisations" lead="What is made while one is shown belongs to it." [flush]="true">
      @if (!accounts.list.hasValue()) {
        <ow-load [of]="accounts.list" [rows]="3" />
      } @else if (accounts.organisations().length === 0) {
        <ow-empty title="You are in no organisation" text="An organisation lets several people work on the same workers and data, each with a role.">
          <button type="button" class="button" (click)="making.set(true)">Make one</button>
          <code class="code self-center">ow accounts create acme</code>
        </ow-empty>
      } @else {
        <div class="relative overflow-x-auto focus-visible:outline-offset-[-2px]" tabindex="0" role="region" aria-label="Organisations">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Your role</th>
                <th scope="col">Since</th>
                <th scope="col"><span class="sr-only">Actions</span></th>
              </tr>
            </thead>
            <tbody>
              @for (organisation of accounts.organisations(); track organisation.id) {
                <tr>
                  <td>
                    {{ organisation.displayName ?? organisation.name }}
                    <span class="text-muted">{{ organisation.displayName === null ? "" : organisation.name }}</span>
                  </td>
                  <td><span class="badge">{{ organisation.role }}</span></td>
                  <td class="whitespace-nowrap text-muted"><ow-time [value]="organisation.createdAt" /></td>
                  <td class="text-right">
                    <button type="button" class="button button-small" [attr.aria-label]="'Show ' + organisation.name" (click)="accounts.show(organisation.name)">Show</button>
                  </td>
                </tr>
              }
            </tbody>
          </table>
        </div>
      }
    </ow-titled-card>
    <ow-new-organisation [open]="making()" (closed)="making.set(false)" />
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class OrganisationsCard {
  protected readonly accounts = inject(Accounts);
  protected readonly making = signal(false);
}
