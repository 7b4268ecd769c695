import { ChangeDetectionStrategy, Component, computed, inject, input, signal } from "@angular/core";
import { LucidePlus } from "@lucide/angular";
import type { components } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { messageOf } from "../../api/failure.ts";
import type { Organisation } from "../../session/accounts.ts";
import { Confirm } from "../../ui/confirm.ts";
import { Copy } from "../../ui/copy.ts";
import { Dialog } from "../../ui/dialog.ts";
import { Empty } from "../../ui/empty.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { Paged } from "../../ui/paged.ts";
import { PagedFoot } from "../../ui/paged-foot.ts";
import { Time } from "../../ui/time.ts";
import { TitledCard } from "../../ui/titled-card.ts";
import { Toasts } from "../../ui/toasts.ts";

type Invitation = components["schemas"]["Invitation"];

@Component({
  selector: "ow-invitations-card",
  imports: [Copy, Dialog, Empty, Field, LucidePlus, PagedFoot, Time, TitledCard],
  templateUrl: "./invitations-card.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class InvitationsCard {
  readonly organisation = input.required<Organisation>();
  protected readonly inviting = signal(false);
  protected readonly sending = new Sending();
  /** Whom, and the link that lets them in: shown once. */
  protected readonly made = signal<{ readonly email: string; readonly link: string } | undefined>(undefined);
  protected readonly title = computed(() =>
    this.made() === undefined
      ? `Invite to ${this.organisation().displayName ?? this.organisation().name}`
      : "The invitation's link",
  );
  private readonly client = inject(Api);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  protected readonly invitations = new Paged<Invitation>(() => {
    const path = { account: this.organisation().name };
    return (cursor, signal) =>
      this.client.data(
        this.client.api.GET("/v1/accounts/{account}/invitations", {
          params: { path, query: cursor === undefined ? {} : { cursor } },
          signal,
        }),
      );
  });

  protected begin(): void {
    this.sending.failure.set(undefined);
    this.made.set(undefined);
    this.inviting.set(true);
  }

  protected async send(event: Event): Promise<void> {
    const { email = "", role = "" } = fieldsOf(event);
    await this.sending.run(async () => {
      const { token } = await this.client.data(
        this.client.api.POST("/v1/accounts/{account}/invitations", {
          params: { path: { account: this.organisation().name } },
          body: { email, role: role as Invitation["role"] },
        }),
      );
      const link = `${location.origin}/sign-up/invited?${new URLSearchParams({ token })}`;
      this.made.set({ email, link });
      this.invitations.reload();
    });
  }

  protected async withdraw({ id, email }: Invitation): Promise<void> {
    const agreed = await this.confirm.ask({
      title: "Withdraw the invitation",
      text: `The link that ${email} was given is of no use any more.`,
      action: "Withdraw",
    });
    if (!agreed) return;
    try {
      const path = { account: this.organisation().name, invitation: id };
      await this.client.data(
        this.client.api.DELETE("/v1/accounts/{account}/invitations/{invitation}", { params: { path } }),
      );
      this.toasts.done(`${email} is invited no more.`);
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
    }
    this.invitations.reload();
  }
}
