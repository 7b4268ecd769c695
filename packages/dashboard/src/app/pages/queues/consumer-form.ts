import {
  ChangeDetectionStrategy,
  Component,
  effect,
  inject,
  input,
  output,
  signal,
  untracked,
} from "@angular/core";
import { allOf } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";
import { Dialog } from "../../ui/dialog.ts";
import { Field } from "../../ui/field.ts";
import { Sending } from "../../ui/form.ts";
import { Toasts } from "../../ui/toasts.ts";
import type { Queue } from "./queue-types.ts";

/** Who takes a queue's messages, and how. */
@Component({
  selector: "ow-consumer-form",
  imports: [Dialog, Field],
  template: `
    <ow-dialog [open]="open()" [title]="'Consumer of ' + queue().name" (closed)="closed.emit()">
      <form class="flex flex-col gap-4" (submit)="$event.preventDefault(); save()">
        <label class="block">
          <span class="label">Worker</span>
          <select class="input" name="worker" required [disabled]="queue().consumer !== null" (change)="worker.set($any($event.target).value)">
            @for (name of workers(); track name) {
              <option [value]="name" [selected]="name === worker()">{{ name }}</option>
            }
          </select>
          <span class="hint block">Its queue handler is called with batches of messages.</span>
        </label>
        <div class="grid gap-4 sm:grid-cols-2">
          <ow-field label="Messages of a batch, at most" name="maxBatchSize" type="number" [issue]="sending.issue('settings.maxBatchSize')" [(value)]="batchSize" />
          <ow-field label="A batch waits (s)" name="maxBatchTimeout" type="number" [issue]="sending.issue('settings.maxBatchTimeout')" [(value)]="batchTimeout" />
          <ow-field label="Deliveries after the first" name="maxRetries" type="number" [issue]="sending.issue('settings.maxRetries')" [(value)]="retries" />
          <ow-field label="Wait before them (s)" name="retryDelay" type="number" [issue]="sending.issue('settings.retryDelay')" [(value)]="retryDelay" />
          <ow-field
            label="Batches at a time"
            name="maxConcurrency"
            type="number"
            placeholder="as many as are good"
            [required]="false"
            [issue]="sending.issue('settings.maxConcurrency')"
            [(value)]="concurrency"
          />
          <label class="block">
            <span class="label">Dead letters go to</span>
            <select class="input" name="deadLetterQueue" (change)="dead.set($any($event.target).value)">
              <option value="" [selected]="dead() === ''">nowhere: they are dropped</option>
              @for (name of others(); track name) {
                <option [value]="name" [selected]="name === dead()">{{ name }}</option>
              }
            </select>
          </label>
        </div>
        @if (queue().consumer?.source === "manifest") {
          <p class="hint !mt-0">Its worker's manifest says this: the next deploy sets it again.</p>
        }
        @if (sending.message(); as text) {
          <p class="text-bad" role="alert">{{ text }}</p>
        }
        <div class="flex justify-end gap-2">
          <button type="button" class="button" (click)="closed.emit()">Cancel</button>
          <button class="button button-primary" [disabled]="sending.busy() || worker() === ''">Save</button>
        </div>
      </form>
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class ConsumerForm {
  readonly open = input.required<boolean>();
  readonly queue = input.required<Queue>();
  readonly closed = output<void>();
  readonly saved = output<Queue>();
  protected readonly sending = new Sending();
  protected readonly workers = signal<readonly string[]>([]);
  protected readonly others = signal<readonly string[]>([]);
  protected readonly worker = signal("");
  protected readonly batchSize = signal("10");
  protected readonly batchTimeout = signal("5");
  protected readonly retries = signal("3");
  protected readonly retryDelay = signal("0");
  protected readonly concurrency = signal("");
  protected readonly dead = signal("");
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly toasts = inject(Toasts);

  constructor() {
    effect(() => {
      if (this.open()) untracked(() => void this.sending.run(() => this.#begin()));
    });
  }

  protected async save(): Promise<void> {
    const done = await this.sending.run(async () => {
      const concurrency = this.concurrency().trim();
      const saved = await this.client.data(
        this.client.api.PUT("/v1/queues/{queue}/consumer", {
          params: { path: { queue: this.queue().id }, query: this.account.query() },
          body: {
            worker: this.worker(),
            settings: {
              maxBatchSize: Number(this.batchSize()),
              maxBatchTimeout: Number(this.batchTimeout()),
              maxRetries: Number(this.retries()),
              retryDelay: Number(this.retryDelay()),
              ...(concurrency === "" ? {} : { maxConcurrency: Number(concurrency) }),
              ...(this.dead() === "" ? {} : { deadLetterQueue: this.dead() }),
            },
          },
        }),
      );
      this.saved.emit(saved);
    });
    if (!done) return;
    this.toasts.done(`${this.worker()} takes the messages of ${this.queue().name}.`);
    this.closed.emit();
  }

  async #begin(): Promise<void> {
    const { consumer, name } = this.queue();
    if (consumer !== null) {
      const { settings } = consumer;
      this.batchSize.set(String(settings.maxBatchSize));
      this.batchTimeout.set(String(settings.maxBatchTimeout));
      this.retries.set(String(settings.maxRetries));
      this.retryDelay.set(String(settings.retryDelay));
      this.concurrency.set(settings.maxConcurrency === undefined ? "" : String(settings.maxConcurrency));
      this.dead.set(settings.deadLetterQueue ?? "");
    }
    const account = this.account.query();
    const [workers, queues] = await Promise.all([
      allOf((page) =>
        this.client.data(this.client.api.GET("/v1/workers", { params: { query: { ...page, ...account } } })),
      ),
      allOf((page) =>
        this.client.data(this.client.api.GET("/v1/queues", { params: { query: { ...page, ...account } } })),
      ),
    ]);
    this.workers.set(workers.map((each) => each.name));
    this.others.set(queues.map((each) => each.name).filter((each) => each !== name));
    this.worker.set(consumer?.worker ?? workers[0]?.name ?? "");
  }
}
