import { ChangeDetectionStrategy, Component, computed, inject, input, signal } from "@angular/core";
import { Router } from "@angular/router";
import type { components } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { codeOf, messageOf } from "../../api/failure.ts";
import { Account } from "../../session/account.ts";
import { Accounts, type Organisation, type Role, roles } from "../../session/accounts.ts";
import { Session } from "../../session/session.ts";
import { Confirm } from "../../ui/confirm.ts";
import { Paged } from "../../ui/paged.ts";
import { PagedFoot } from "../../ui/paged-foot.ts";
import { Time } from "../../ui/time.ts";
import { TitledCard } from "../../ui/titled-card.ts";
import { Toasts } from "../../ui/toasts.ts";

type Member = components["schemas"]["Member"];

const may: Readonly<Record<Role, string>> = {
  viewer: "reads",
  developer: "also makes, changes and deploys",
  admin: "also deletes, manages members and keys, reads the audit log",
  owner: "also makes owners, and deletes the organisation",
};

@Component({
  selector: "ow-members-card",
  imports: [PagedFoot, Time, TitledCard],
  templateUrl: "./members-card.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class MembersCard {
  readonly organisation = input.required<Organisation>();
  protected readonly session = inject(Session);
  protected readonly roles = roles;
  protected readonly may = may;
  /** Of whom something is being changed. */
  protected readonly busy = signal<string | undefined>(undefined);
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly accounts = inject(Accounts);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  private readonly router = inject(Router);
  protected readonly members = new Paged<Member>(() => {
    const path = { account: this.organisation().name };
    return (cursor, signal) =>
      this.client.data(
        this.client.api.GET("/v1/accounts/{account}/members", {
          params: { path, query: cursor === undefined ? {} : { cursor } },
          signal,
        }),
      );
  });
  protected readonly isAdmin = computed(() => this.accounts.isAtLeast("admin"));
  protected readonly isOwner = computed(() => this.accounts.isAtLeast("owner"));
  /** Why the reader cannot change who is in it. */
  protected readonly refusal = computed(() =>
    this.isAdmin()
      ? undefined
      : `You are ${this.organisation().role} here: admins and owners manage members.`,
  );

  protected isSelf({ userId }: Member): boolean {
    return userId === this.session.person()?.id;
  }

  /** Only an owner makes and unmakes owners. */
  protected mayChange(member: Member): boolean {
    return this.isAdmin() && (member.role !== "owner" || this.isOwner());
  }

  protected rolesFor(member: Member): readonly Role[] {
    return this.isOwner() || member.role === "owner" ? roles : roles.filter((role) => role !== "owner");
  }

  protected async change(member: Member, select: HTMLSelectElement): Promise<void> {
    const role = select.value as Role;
    if (this.isSelf(member)) {
      const agreed = await this.confirm.ask({
        title: "Change your own role",
        text: `A ${role} ${may[role]}. Somebody else has to undo it.`,
        action: "Change my role",
      });
      if (!agreed) {
        select.value = member.role;
        return;
      }
    }
    const done = await this.#on(member, async (path, ifMatch) => {
      await this.client.data(
        this.client.api.PATCH("/v1/accounts/{account}/members/{member}", {
          params: { path, header: ifMatch },
          body: { role },
        }),
      );
      this.toasts.done(`${nameOf(member)} is ${role} now.`);
    });
    if (!done) select.value = member.role;
    if (this.isSelf(member)) this.accounts.refresh();
    this.members.reload();
  }

  protected async remove(member: Member): Promise<void> {
    const agreed = await this.confirm.ask({
      title: `Remove ${nameOf(member)}`,
      text: "They lose access to everything of the organisation at once, and their API keys do here. What they made stays.",
      action: "Remove",
    });
    if (!agreed) return;
    await this.#remove(member, `${nameOf(member)} is no member any more.`);
    this.members.reload();
  }

  protected async leave(member: Member): Promise<void> {
    const { displayName, name } = this.organisation();
    const agreed = await this.confirm.ask({
      title: `Leave ${displayName ?? name}`,
      text: "You lose access to everything of it at once. To come back you have to be invited.",
      action: "Leave",
    });
    if (!agreed) return;
    if (!(await this.#remove(member, `You have left ${displayName ?? name}.`))) return;
    this.account.organisation.set(undefined);
    this.accounts.refresh();
    await this.router.navigateByUrl("/organisation");
  }

  async #remove(member: Member, said: string): Promise<boolean> {
    return await this.#on(member, async (path, ifMatch) => {
      await this.client.data(
        this.client.api.DELETE("/v1/accounts/{account}/members/{member}", {
          params: { path, header: ifMatch },
        }),
      );
      this.toasts.done(said);
    });
  }

  /** Does something to a member as they are shown, and to none that somebody has changed meanwhile. */
  async #on(
    member: Member,
    work: (
      path: { readonly account: string; readonly member: string },
      ifMatch: { readonly "if-match"?: string },
    ) => Promise<void>,
  ): Promise<boolean> {
    const path = { account: this.organisation().name, member: member.userId };
    this.busy.set(member.userId);
    try {
      const { data, response } = await this.client.api.GET("/v1/accounts/{account}/members/{member}", {
        params: { path },
      });
      const etag = response.headers.get("etag");
      if (data?.role !== member.role) {
        this.toasts.failed(`Somebody has changed ${nameOf(member)} meanwhile. Look again, then repeat it.`);
        return false;
      }
      await work(path, etag === null ? {} : { "if-match": etag });
      return true;
    } catch (thrown) {
      const changed = codeOf(thrown) === "PRECONDITION_FAILED";
      this.toasts.failed(
        changed ? `Somebody has changed ${nameOf(member)} meanwhile. Look again.` : messageOf(thrown),
      );
      return false;
    } finally {
      this.busy.set(undefined);
    }
  }
}

function nameOf({ displayName, name }: Member): string {
  return displayName ?? name;
}
