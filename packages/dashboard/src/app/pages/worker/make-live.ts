import { ChangeDetectionStrategy, Component, computed, inject, input, output } from "@angular/core";
import { once } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Dialog } from "../../ui/dialog.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import { Toasts } from "../../ui/toasts.ts";
import { CurrentWorker } from "./current-worker.ts";

/** What is to serve a worker's requests from now on. */
export interface Target {
  readonly versions: readonly { readonly version: number; readonly percent: number }[];
  /** Whether that is going back to what served them before. */
  readonly back: boolean;
}

/** Asks before other versions are made live, and for a word why. */
@Component({
  selector: "ow-make-live",
  imports: [Dialog],
  template: `
    <ow-dialog [open]="target() !== undefined" [title]="title()" (closed)="closed.emit()">
      <form (submit)="make($event)">
        <p class="text-muted">{{ text() }}</p>
        <label class="mt-4 block">
          <span class="label">Message</span>
          <input class="input" name="message" maxlength="1000" autocomplete="off" placeholder="Why (optional)" autofocus />
        </label>
        @if (sending.message(); as text) {
          <p class="mt-3 text-bad" role="alert">{{ text }}</p>
        }
        <div class="mt-5 flex justify-end gap-2">
          <button type="button" class="button" (click)="closed.emit()">Cancel</button>
          <button class="button button-primary" [disabled]="sending.busy()">{{ target()?.back ? "Roll back" : "Make live" }}</button>
        </div>
      </form>
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class MakeLive {
  readonly target = input.required<Target | undefined>();
  readonly closed = output<void>();
  readonly made = output<void>();
  protected readonly sending = new Sending();
  private readonly current = inject(CurrentWorker);
  private readonly client = inject(Api);
  private readonly toasts = inject(Toasts);
  private readonly wanted = computed(() => named(this.target()?.versions ?? []));
  protected readonly title = computed(() =>
    this.target()?.back === true ? `Roll back to ${this.wanted()}` : `Make ${this.wanted()} live`,
  );
  protected readonly text = computed(() => {
    const now = named(this.current.worker()?.live ?? []);
    const many = (this.target()?.versions.length ?? 0) > 1;
    return `${capitalised(this.wanted())} ${many ? "serve" : "serves"} all requests within a second${
      now === "" ? "" : `, instead of ${now}`
    }. Requests that are under way end where they began. Variables, secrets and data stay as they are now.`;
  });

  protected async make(event: Event): Promise<void> {
    const message = fieldsOf(event)["message"]?.trim() ?? "";
    const target = this.target();
    if (target === undefined) return;
    const said = message === "" ? {} : { message };
    const params = { path: { worker: this.current.name() } };
    const [only] = target.versions;
    const wanted = this.wanted();
    const done = await this.sending.run(async () => {
      if (target.back && target.versions.length === 1 && only !== undefined) {
        const body = { version: only.version, ...said };
        await this.client.data(
          this.client.api.POST("/v1/workers/{worker}/rollback", { params, body, headers: once() }),
        );
      } else {
        const body = { versions: [...target.versions], ...said };
        await this.client.data(
          this.client.api.POST("/v1/workers/{worker}/deployments", { params, body, headers: once() }),
        );
      }
    });
    if (!done) return;
    this.toasts.done(`${capitalised(wanted)} ${target.versions.length > 1 ? "are" : "is"} live.`);
    this.made.emit();
  }
}

/** "version 3", "version 3 (90 %) and version 2 (10 %)". */
function named(shares: Target["versions"]): string {
  const [only] = shares;
  if (shares.length === 1 && only !== undefined) return `version ${only.version}`;
  return shares.map(({ version, percent }) => `version ${version} (${percent} %)`).join(" and ");
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
