import { ChangeDetectionStrategy, Component, computed, inject, resource, signal } from "@angular/core";
import { LucidePlus } from "@lucide/angular";
import { allOf } from "@openworkers/client";
import { Api } from "../../../api/api.ts";
import { messageOf } from "../../../api/failure.ts";
import { Confirm } from "../../../ui/confirm.ts";
import { Copy } from "../../../ui/copy.ts";
import { Dialog } from "../../../ui/dialog.ts";
import { Empty } from "../../../ui/empty.ts";
import { Field } from "../../../ui/field.ts";
import { fieldsOf, Sending } from "../../../ui/form.ts";
import { Load } from "../../../ui/load.ts";
import { Time } from "../../../ui/time.ts";
import { Toasts } from "../../../ui/toasts.ts";
import type { Token } from "../types.ts";
import { Connection } from "./connection.ts";
import { OneDatabase } from "./one-database.ts";

const dayMs = 86_400_000;

/** What lets people and programs in. */
@Component({
  selector: "ow-database-tokens",
  imports: [Copy, Dialog, Empty, Field, Load, LucidePlus, Time],
  providers: [Connection],
  templateUrl: "./tokens.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Tokens {
  protected readonly of = inject(OneDatabase);
  protected readonly connection = inject(Connection);
  protected readonly sending = new Sending();
  protected readonly creating = signal(false);
  /** The one that was just made: its text is not told again. */
  protected readonly made = signal<{ readonly name: string; readonly token: string } | undefined>(undefined);
  protected readonly scopes = [
    { scope: "read-only", text: "reads" },
    { scope: "read-write", text: "changes rows, too" },
    { scope: "owner", text: "changes the schema, too" },
  ] as const;
  protected readonly lifetimes = [
    { days: 1, name: "a day" },
    { days: 7, name: "a week" },
    { days: 30, name: "30 days" },
    { days: 90, name: "90 days" },
    { days: 365, name: "a year" },
    { days: 0, name: "ever, until it is revoked" },
  ];
  private readonly client = inject(Api);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  protected readonly tokens = resource({
    params: () => (this.of.name() === "" ? undefined : this.of.at),
    loader: ({ params: { path, query }, abortSignal: signal }) =>
      allOf((page) =>
        this.client.data(
          this.client.api.GET("/v1/databases/{database}/tokens", {
            params: { path, query: { ...query, ...page } },
            signal,
          }),
        ),
      ),
  });
  protected readonly lines = computed(() => {
    const token = this.made()?.token;
    if (token === undefined) return [];
    const url = this.connection.url(token);
    return [
      { name: "Token", text: token },
      ...(url === undefined ? [] : [{ name: "Connection string", text: url }]),
    ];
  });

  protected isExpired({ expiresAt }: Token): boolean {
    return expiresAt !== null && Date.parse(expiresAt) <= Date.now();
  }

  protected async create(event: Event): Promise<void> {
    const { name = "", scope, days } = fieldsOf(event);
    await this.sending.run(async () => {
      const lifetime = Number(days);
      const made = await this.client.data(
        this.client.api.POST("/v1/databases/{database}/tokens", {
          params: this.of.at,
          body: {
            name,
            scope: this.scopes.find((each) => each.scope === scope)?.scope ?? "read-only",
            ...(lifetime === 0 ? {} : { expiresAt: new Date(Date.now() + lifetime * dayMs).toISOString() }),
          },
        }),
      );
      this.made.set({ name: made.name, token: made.token });
      this.tokens.reload();
    });
  }

  protected close(): void {
    this.creating.set(false);
    this.made.set(undefined);
    this.sending.failure.set(undefined);
  }

  protected async revoke({ name }: Token): Promise<void> {
    const question = {
      title: `Revoke ${name}?`,
      text: "Whoever uses it is refused from now on, and their sessions end.",
      action: "Revoke the token",
    };
    if (!(await this.confirm.ask(question))) return;
    try {
      const { path, query } = this.of.at;
      await this.client.api.DELETE("/v1/databases/{database}/tokens/{token}", {
        params: { path: { ...path, token: name }, query },
      });
      this.toasts.done(`${name} is revoked.`);
      this.tokens.reload();
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
    }
  }
}
