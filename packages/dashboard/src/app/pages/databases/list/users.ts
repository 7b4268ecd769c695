import { ChangeDetectionStrategy, Component, inject, input, resource } from "@angular/core";
import { RouterLink } from "@angular/router";
import { Api } from "../../../api/api.ts";
import { Account } from "../../../session/account.ts";

/** The workers that bind a database, as links; at most three of them and how many more. */
@Component({
  selector: "ow-database-users",
  imports: [RouterLink],
  template: `
    @if (users.hasValue()) {
      @for (worker of users.value().slice(0, 3); track worker) {
        <a class="link" [routerLink]="['/workers', worker]">{{ worker }}</a>{{ $last ? "" : ", " }}
      } @empty {
        <span class="text-muted">none</span>
      }
      @if (users.value().length > 3) {
        <span class="text-muted"> and {{ users.value().length - 3 }} more</span>
      }
    } @else if (users.error()) {
      <span class="text-muted">not known</span>
    } @else {
      <span class="skeleton inline-block h-3.5 w-16 align-middle"></span>
    }
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class DatabaseUsers {
  /** Id of the database. */
  readonly database = input.required<string>();
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  protected readonly users = resource({
    params: () => ({ database: this.database(), query: this.account.query() }),
    loader: async ({ params: { database, query }, abortSignal: signal }) => {
      const { items } = await this.client.data(
        this.client.api.GET("/v1/databases/{database}/users", {
          params: { path: { database }, query },
          signal,
        }),
      );
      return [...new Set(items.map(({ worker }) => worker))];
    },
  });
}
