import { ChangeDetectionStrategy, Component, inject, signal } from "@angular/core";
import type { components } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { messageOf } from "../../api/failure.ts";
import { Confirm } from "../../ui/confirm.ts";
import { Copy } from "../../ui/copy.ts";
import { Dialog } from "../../ui/dialog.ts";
import { Empty } from "../../ui/empty.ts";
import { Paged } from "../../ui/paged.ts";
import { PagedFoot } from "../../ui/paged-foot.ts";
import { Time } from "../../ui/time.ts";
import { Toasts } from "../../ui/toasts.ts";

type User = components["schemas"]["SystemUser"];
type Link = components["schemas"]["SystemLink"];

/** Who can sign in, and links that let somebody in. */
@Component({
  selector: "ow-users",
  imports: [Copy, Dialog, Empty, PagedFoot, Time],
  template: `
    <div class="mb-3 flex flex-wrap items-center justify-between gap-2">
      <p class="text-muted">Everybody who can sign in to this platform.</p>
      <button type="button" class="button button-primary" [disabled]="busy()" (click)="setup()">Setup link for an admin</button>
    </div>
    <div class="card overflow-x-auto">
      @if (users.empty()) {
        <ow-empty title="Nobody can sign in yet" text="Make a setup link: whoever opens it makes an admin's account of their own. From a terminal: ow users setup-link" />
      } @else if (users.items().length > 0) {
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" class="max-sm:hidden">E-mail</th>
              <th scope="col">Role</th>
              <th scope="col" class="numeric max-sm:hidden">Since</th>
              <th scope="col" class="numeric"><span class="sr-only">What can be done</span></th>
            </tr>
          </thead>
          <tbody>
            @for (user of users.items(); track user.id) {
              <tr>
                <td class="max-sm:w-full max-sm:max-w-0">
                  <div class="truncate font-medium">{{ user.name }}</div>
                  <div class="truncate text-[13px] text-muted sm:hidden">{{ user.email }}</div>
                </td>
                <td class="max-sm:hidden">{{ user.email }}</td>
                <td>
                  @if (user.isOperator) {
                    <span class="badge badge-accent">Admin</span>
                  } @else {
                    <span class="text-muted">user</span>
                  }
                </td>
                <td class="numeric whitespace-nowrap text-muted max-sm:hidden"><ow-time [value]="user.createdAt" /></td>
                <td class="numeric">
                  <button type="button" class="button button-small" [attr.aria-label]="'Reset link for ' + user.email" [disabled]="busy()" (click)="reset(user)">Reset link</button>
                </td>
              </tr>
            }
          </tbody>
        </table>
      }
      <ow-paged-foot [of]="users" />
    </div>
    <ow-dialog [open]="made() !== undefined" [title]="made()?.title ?? ''" (closed)="made.set(undefined)">
      @if (made(); as it) {
        <p class="text-muted">{{ it.text }} It works once, ends <ow-time [value]="it.link.expiresAt" />, and is not shown again.</p>
        <div class="mt-3 flex items-center gap-2">
          <input class="input font-mono text-[13px]" readonly aria-label="Link" [value]="it.link.url" (focus)="$any($event.target).select()" />
          <ow-copy [text]="it.link.url" label="Copy the link" />
        </div>
        <div class="mt-5 flex justify-end"><button type="button" class="button button-primary" (click)="made.set(undefined)">Done</button></div>
      }
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Users {
  protected readonly busy = signal(false);
  protected readonly made = signal<{ title: string; text: string; link: Link } | undefined>(undefined);
  private readonly client = inject(Api);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  protected readonly users = new Paged<User>(() => (cursor, signal) => {
    const query = { limit: 50, ...(cursor === undefined ? {} : { cursor }) };
    return this.client.data(this.client.api.GET("/v1/system/users", { params: { query }, signal }));
  });

  protected async reset({ email }: User): Promise<void> {
    const agreed = await this.confirm.ask({
      title: `Make a reset link for ${email}?`,
      text: "Whoever has the link chooses a new password for this account. Give it to nobody else. That you made it is written down.",
      action: "Make the link",
    });
    if (!agreed) return;
    await this.#make(`Reset link for ${email}`, "Hand it on to them.", () =>
      this.client.data(this.client.api.POST("/v1/system/reset-links", { body: { email } })),
    );
  }

  protected async setup(): Promise<void> {
    const agreed = await this.confirm.ask({
      title: "Make a setup link?",
      text: "Whoever opens it makes an account that may do everything on this platform. One that was made before is good no more.",
      action: "Make the link",
    });
    if (!agreed) return;
    await this.#make("Setup link", "Whoever opens it becomes an admin.", () =>
      this.client.data(this.client.api.POST("/v1/system/setup-links")),
    );
  }

  async #make(title: string, text: string, ask: () => Promise<Link>): Promise<void> {
    this.busy.set(true);
    try {
      this.made.set({ title, text, link: await ask() });
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
    }
    this.busy.set(false);
  }
}
