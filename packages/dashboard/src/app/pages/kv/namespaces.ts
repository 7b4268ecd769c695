import { ChangeDetectionStrategy, Component, inject, signal } from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { once } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { Empty } from "../../ui/empty.ts";
import { NameDialog } from "../../ui/name-dialog.ts";
import { Page } from "../../ui/page.ts";
import { Paged } from "../../ui/paged.ts";
import { PagedFoot } from "../../ui/paged-foot.ts";
import { Time } from "../../ui/time.ts";
import { Toasts } from "../../ui/toasts.ts";

/** The account's KV namespaces. */
@Component({
  selector: "ow-kv-namespaces",
  imports: [Empty, NameDialog, Page, PagedFoot, RouterLink, Time],
  template: `
    <ow-page heading="KV" lead="Values by key, for what is read often and may be a moment old.">
      @if (accounts.mayWrite()) {
        <button actions type="button" class="button button-primary" (click)="making.set(true)">New namespace</button>
      }
      <div class="card overflow-x-auto">
        @if (namespaces.empty()) {
          <ow-empty title="No namespaces yet" text="A namespace holds keys and values that a worker reads and writes through a binding. From a terminal: ow kv create NAME">
            @if (accounts.mayWrite()) {
              <button type="button" class="button" (click)="making.set(true)">New namespace</button>
            }
          </ow-empty>
        } @else if (namespaces.items().length > 0) {
          <table class="table">
            <thead>
              <tr><th scope="col">Name</th><th scope="col" class="max-sm:hidden">Id</th><th scope="col" class="numeric">Made</th></tr>
            </thead>
            <tbody>
              @for (namespace of namespaces.items(); track namespace.id) {
                <tr>
                  <td><a class="link font-medium" [routerLink]="['/kv', namespace.name]">{{ namespace.name }}</a></td>
                  <td class="font-mono text-xs text-muted max-sm:hidden">{{ namespace.id }}</td>
                  <td class="numeric text-muted"><ow-time [value]="namespace.createdAt" /></td>
                </tr>
              }
            </tbody>
          </table>
        }
        <ow-paged-foot [of]="namespaces" />
      </div>
    </ow-page>
    <ow-name-dialog
      title="New namespace"
      action="Make it"
      hint="What people and wrangler.jsonc call it."
      [open]="making()"
      [send]="make"
      (closed)="making.set(false)"
    />
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Namespaces {
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  protected readonly accounts = inject(Accounts);
  private readonly router = inject(Router);
  private readonly toasts = inject(Toasts);
  protected readonly making = signal(false);
  protected readonly namespaces = new Paged(() => {
    const account = this.account.query();
    return (cursor, signal) =>
      this.client.data(
        this.client.api.GET("/v1/kv", {
          params: { query: { ...account, limit: 50, ...(cursor === undefined ? {} : { cursor }) } },
          signal,
        }),
      );
  });

  protected readonly make = async (name: string): Promise<void> => {
    await this.client.data(
      this.client.api.POST("/v1/kv", {
        params: { query: this.account.query() },
        body: { name },
        headers: once(),
      }),
    );
    this.toasts.done(`${name} is there.`);
    await this.router.navigate(["/kv", name]);
  };
}
