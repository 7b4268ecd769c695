import { ChangeDetectionStrategy, Component, inject, resource } from "@angular/core";
import { Api } from "../../api/api.ts";
import { messageOf } from "../../api/failure.ts";
import { Confirm } from "../../ui/confirm.ts";
import { Load } from "../../ui/load.ts";
import { Time } from "../../ui/time.ts";
import { TitledCard } from "../../ui/titled-card.ts";
import { Toasts } from "../../ui/toasts.ts";
import { browserName } from "./browser-name.ts";

interface SessionItem {
  readonly id: string;
  readonly userAgent: string;
  readonly address: string;
  readonly createdAt: string;
  readonly lastSeenAt: string;
  readonly current: boolean;
}

@Component({
  selector: "ow-sessions-card",
  imports: [Load, Time, TitledCard],
  template: `
    <ow-titled-card heading="Sessions" lead="Where you are signed in. One ends 30 days after its last use." [flush]="true">
      <button actions type="button" class="button button-small" [disabled]="others() === 0" (click)="endOthers()">End all others</button>
      @if (sessions.hasValue()) {
        <div class="relative overflow-x-auto focus-visible:outline-offset-[-2px]" tabindex="0" role="region" aria-label="Sessions">
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Browser</th>
                <th scope="col">Address</th>
                <th scope="col">Signed in</th>
                <th scope="col">Last used</th>
                <th scope="col"><span class="sr-only">Actions</span></th>
              </tr>
            </thead>
            <tbody>
              @for (session of sessions.value().items; track session.id) {
                <tr>
                  <td class="whitespace-nowrap" [title]="session.userAgent">{{ nameOf(session) }}</td>
                  <td class="font-mono text-[13px] whitespace-nowrap text-muted">{{ session.address }}</td>
                  <td class="whitespace-nowrap text-muted"><ow-time [value]="session.createdAt" /></td>
                  <td class="whitespace-nowrap text-muted"><ow-time [value]="session.lastSeenAt" /></td>
                  <td class="text-right">
                    @if (session.current) {
                      <span class="badge badge-accent">this one</span>
                    } @else {
                      <button type="button" class="button button-quiet button-small" [attr.aria-label]="'End the session of ' + nameOf(session)" (click)="end(session)">End</button>
                    }
                  </td>
                </tr>
              }
            </tbody>
          </table>
        </div>
      } @else {
        <ow-load [of]="sessions" [rows]="3" />
      }
    </ow-titled-card>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class SessionsCard {
  private readonly client = inject(Api);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  protected readonly sessions = resource({
    loader: () => this.client.ask<{ readonly items: readonly SessionItem[] }>("GET", "/v1/auth/sessions"),
  });

  reload(): void {
    this.sessions.reload();
  }

  protected nameOf({ userAgent }: SessionItem): string {
    return browserName(userAgent);
  }

  protected others(): number {
    return this.sessions.hasValue()
      ? this.sessions.value().items.filter(({ current }) => !current).length
      : 0;
  }

  protected async end(session: SessionItem): Promise<void> {
    const agreed = await this.confirm.ask({
      title: "End the session",
      text: `${browserName(session.userAgent)} at ${session.address} is signed out at once.`,
      action: "End",
    });
    if (agreed) await this.#end(`/v1/auth/sessions/${session.id}`, "The session has ended.");
  }

  protected async endOthers(): Promise<void> {
    const agreed = await this.confirm.ask({
      title: "End all other sessions",
      text: `${this.others()} other browsers and tools are signed out at once. API keys go on.`,
      action: "End them",
    });
    if (agreed) await this.#end("/v1/auth/sessions", "Every other session has ended.");
  }

  async #end(path: string, said: string): Promise<void> {
    try {
      await this.client.ask("DELETE", path);
      this.toasts.done(said);
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
    }
    this.reload();
  }
}
