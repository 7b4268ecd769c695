import { ChangeDetectionStrategy, Component, inject, input, output, signal } from "@angular/core";
import { once } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";
import { Dialog } from "../../ui/dialog.ts";
import { Field } from "../../ui/field.ts";
import { Sending } from "../../ui/form.ts";
import { Toasts } from "../../ui/toasts.ts";

/** Sends a message to a queue, as a worker would. */
@Component({
  selector: "ow-send-message",
  imports: [Dialog, Field],
  template: `
    <ow-dialog [open]="open()" [title]="'Send a message to ' + queue()" (closed)="closed.emit()">
      <form class="flex flex-col gap-4" (submit)="$event.preventDefault(); send()">
        <div class="grid gap-4 sm:grid-cols-2">
          <label class="block">
            <span class="label">Type</span>
            <select class="input" name="contentType" [value]="contentType()" (change)="contentType.set($any($event.target).value)">
              <option value="json" [selected]="contentType() === 'json'">JSON</option>
              <option value="text" [selected]="contentType() === 'text'">Text</option>
              <option value="bytes" [selected]="contentType() === 'bytes'">Bytes, in base64</option>
            </select>
          </label>
          <ow-field label="Wait before delivery (s)" name="delaySeconds" type="number" inputmode="numeric" [issue]="sending.issue('delaySeconds')" [(value)]="delay" />
        </div>
        <label class="block">
          <span class="label">Body</span>
          <textarea
            class="input"
            name="body"
            rows="6"
            spellcheck="false"
            required
            [attr.aria-invalid]="sending.issue('body') === undefined ? null : true"
            [value]="body()"
            (input)="body.set($any($event.target).value)"
          ></textarea>
        </label>
        @if (sending.message(); as text) {
          <p class="text-bad" role="alert">{{ text }}</p>
        }
        <div class="flex justify-end gap-2">
          <button type="button" class="button" (click)="closed.emit()">Cancel</button>
          <button class="button button-primary" [disabled]="sending.busy()">Send</button>
        </div>
      </form>
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class SendMessage {
  readonly open = input.required<boolean>();
  readonly queue = input.required<string>();
  readonly closed = output<void>();
  readonly sent = output<void>();
  protected readonly sending = new Sending();
  protected readonly contentType = signal<"json" | "text" | "bytes">("json");
  protected readonly body = signal('{\n  "hello": "world"\n}');
  protected readonly delay = signal("0");
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly toasts = inject(Toasts);

  protected async send(): Promise<void> {
    const contentType = this.contentType();
    const done = await this.sending.run(async () => {
      await this.client.data(
        this.client.api.POST("/v1/queues/{queue}/messages", {
          params: { path: { queue: this.queue() }, query: this.account.query(), header: once() },
          body: {
            contentType,
            body: contentType === "json" ? this.#parsed() : this.body(),
            delaySeconds: Number(this.delay()),
          },
        }),
      );
    });
    if (!done) return;
    this.toasts.done("Sent: it can be delivered in about a second.");
    this.sent.emit();
    this.closed.emit();
  }

  #parsed(): unknown {
    try {
      return JSON.parse(this.body());
    } catch (cause) {
      throw new Error(`The body is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
  }
}
