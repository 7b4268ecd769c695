import { ChangeDetectionStrategy, Component, effect, inject, input, output, signal } from "@angular/core";
import { Router } from "@angular/router";
import { once } from "@openworkers/client";
import { Api } from "../../../api/api.ts";
import { messageOf } from "../../../api/failure.ts";
import { Account } from "../../../session/account.ts";
import { Dialog } from "../../../ui/dialog.ts";
import { Field } from "../../../ui/field.ts";
import { fieldsOf, Sending } from "../../../ui/form.ts";
import { Toasts } from "../../../ui/toasts.ts";
import { run } from "../sql/queries.ts";
import type { Database } from "../types.ts";

type Kind = "empty" | "copy" | "own";

/** Makes a database: an empty one, a copy, or one that is on the reader's own server. */
@Component({
  selector: "ow-create-database",
  imports: [Dialog, Field],
  template: `
    <ow-dialog [open]="open()" title="New database" (closed)="leave()">
      <form class="flex flex-col gap-4" (submit)="send($event)">
        <fieldset>
          <legend class="label">What it begins as</legend>
          <div class="grid gap-1.5">
            @for (choice of kinds; track choice.kind) {
              <label class="flex items-start gap-2.5 rounded-md border border-line p-2.5 has-checked:border-accent has-checked:bg-accent-soft">
                <input type="radio" name="kind" class="mt-1" [value]="choice.kind" [checked]="kind() === choice.kind" (change)="kind.set(choice.kind)" />
                <span><span class="font-medium">{{ choice.name }}</span><span class="block text-[13px] text-muted">{{ choice.text }}</span></span>
              </label>
            }
          </div>
        </fieldset>
        <ow-field label="Name" name="name" placeholder="shop" [maxlength]="64" [issue]="sending.issue('name')" />
        @if (kind() === "copy") {
          <label class="block">
            <span class="label">Copy of</span>
            <select class="input" name="fork" required>
              @for (one of databases(); track one.id) {
                <option [value]="one.id" [selected]="one.id === source()">{{ one.name }}</option>
              }
            </select>
            <span class="hint block">Sessions on it end, and none begins until the copy is made. Tokens are not copied.</span>
          </label>
        }
        @if (kind() === "own") {
          <ow-field
            label="URL"
            name="url"
            type="password"
            placeholder="postgres://app:password@db.example.com/shop?sslmode=verify-full"
            [maxlength]="2048"
            hint="Kept sealed, and never shown again. A public server must be encrypted."
            [issue]="sending.issue('url')"
          />
        }
        @if (sending.message(); as text) {
          <p class="text-bad" role="alert">{{ text }}</p>
        }
        <div class="flex items-center justify-end gap-2">
          <p class="mr-auto text-muted" aria-live="polite">{{ progress() }}</p>
          <button type="button" class="button" (click)="leave()">Cancel</button>
          <button class="button button-primary" [disabled]="sending.busy()">Create</button>
        </div>
      </form>
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class CreateDatabase {
  readonly open = input.required<boolean>();
  /** What can be copied. */
  readonly databases = input.required<readonly Database[]>();
  /** Id of the one that a copy is asked of. */
  readonly source = input<string>();
  readonly closed = output<void>();
  protected readonly sending = new Sending();
  protected readonly kind = signal<Kind>("empty");
  protected readonly progress = signal("");
  protected readonly kinds = [
    { kind: "empty", name: "Empty", text: "A PostgreSQL database on the platform's server." },
    { kind: "copy", name: "A copy", text: "Of another database, with all that is in it." },
    { kind: "own", name: "Bring your own", text: "A database on a server of yours, by its URL." },
  ] as const;
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly router = inject(Router);
  private readonly toasts = inject(Toasts);
  #leaving = new AbortController();

  constructor() {
    effect(() => {
      if (this.open()) this.kind.set(this.source() === undefined ? "empty" : "copy");
    });
  }

  protected leave(): void {
    this.#leaving.abort();
    this.closed.emit();
  }

  protected async send(event: Event): Promise<void> {
    const { name = "", url, fork } = fieldsOf(event);
    this.#leaving = new AbortController();
    const { signal } = this.#leaving;
    await this.sending.run(async () => {
      const query = this.account.query();
      const made = await this.client.data(
        this.client.api.POST("/v1/databases", {
          params: { query, header: once() },
          body: {
            name,
            limits: {},
            ...(fork === undefined ? {} : { fork }),
            ...(url === undefined ? {} : { url }),
          },
          signal,
        }),
      );
      // Whoever needs it first makes it: somebody should be told here what keeps it from being made.
      this.progress.set(fork === undefined ? "Making it…" : "Copying…");
      try {
        await run(this.client, made.id, query, { sql: "select 1", params: [] }, signal);
        this.toasts.done(`${made.name} is ready.`);
      } catch (thrown) {
        if (!signal.aborted)
          this.toasts.failed(`${made.name} is there, but cannot be used yet: ${messageOf(thrown)}`);
      } finally {
        this.progress.set("");
      }
      this.closed.emit();
      if (!signal.aborted) await this.router.navigate(["/databases", made.name]);
    });
  }
}
