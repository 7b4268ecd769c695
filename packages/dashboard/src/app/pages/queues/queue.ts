import {
  ChangeDetectionStrategy,
  Component,
  computed,
  inject,
  input,
  resource,
  signal,
  viewChildren,
} from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { Api } from "../../api/api.ts";
import { codeOf, messageOf } from "../../api/failure.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { Confirm } from "../../ui/confirm.ts";
import { everySeconds } from "../../ui/every-seconds.ts";
import { Load } from "../../ui/load.ts";
import { Page } from "../../ui/page.ts";
import { Toasts } from "../../ui/toasts.ts";
import { ConsumerForm } from "./consumer-form.ts";
import { QueueMessages } from "./messages.ts";
import type { Queue, QueueCounts } from "./queue-types.ts";
import { SendMessage } from "./send-message.ts";

/** One queue: how it is delivered, what lies in it and in its dead-letter queue. */
@Component({
  selector: "ow-queue",
  imports: [ConsumerForm, Load, Page, QueueMessages, RouterLink, SendMessage],
  templateUrl: "./queue.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class QueuePage {
  /** Its name. */
  readonly queue = input.required<string>();
  protected readonly accounts = inject(Accounts);
  protected readonly sending = signal(false);
  protected readonly consuming = signal(false);
  protected readonly busy = signal(false);
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly confirm = inject(Confirm);
  private readonly router = inject(Router);
  private readonly toasts = inject(Toasts);
  private readonly lists = viewChildren(QueueMessages);
  private readonly params = computed(() => ({
    path: { queue: this.queue() },
    query: this.account.query(),
  }));
  protected readonly found = resource({
    params: this.params,
    loader: ({ params, abortSignal: signal }) =>
      this.client.data(this.client.api.GET("/v1/queues/{queue}", { params, signal })),
  });
  private readonly counts = resource({
    params: this.params,
    loader: ({ params, abortSignal: signal }) =>
      this.client.data(this.client.api.GET("/v1/queues/{queue}/counts", { params, signal })),
  });
  protected readonly figures = computed(() => {
    const counts: Partial<QueueCounts> = this.counts.hasValue() ? this.counts.value() : {};
    const shown = (count: number | null | undefined) =>
      count === null || count === undefined ? "–" : count.toLocaleString();
    return [
      { name: "Waiting", value: shown(counts.waiting), bad: false },
      { name: "In flight", value: shown(counts.inFlight), bad: false },
      { name: "Delayed", value: shown(counts.delayed), bad: false },
      { name: "Dead letters", value: shown(counts.deadLetters), bad: (counts.deadLetters ?? 0) > 0 },
    ];
  });
  protected readonly deadLetters = computed(() =>
    this.counts.hasValue() ? (this.counts.value().deadLetters ?? undefined) : undefined,
  );
  /** Messages that the list shows: those that are to be delivered, and those that a worker has. */
  protected readonly onBus = computed(() => {
    if (!this.counts.hasValue()) return undefined;
    const { waiting, inFlight } = this.counts.value();
    return waiting === null || inFlight === null ? undefined : waiting + inFlight;
  });
  protected readonly settings = computed(() => {
    const consumer = this.found.hasValue() ? this.found.value().consumer : null;
    if (consumer === null) return [];
    const { maxBatchSize, maxBatchTimeout, maxRetries, retryDelay, maxConcurrency } = consumer.settings;
    return [
      [
        "Batches",
        maxBatchSize === 1
          ? "one message each"
          : `up to ${maxBatchSize} messages${maxBatchTimeout === 0 ? "" : `, or what came within ${maxBatchTimeout} s`}`,
      ],
      [
        "After a failure",
        maxRetries === 0
          ? "no further delivery"
          : `${maxRetries} more ${maxRetries === 1 ? "delivery" : "deliveries"}${retryDelay === 0 ? "" : `, each after ${retryDelay} s`}`,
      ],
      ["Batches at a time", maxConcurrency === undefined ? "as many as are good" : String(maxConcurrency)],
    ];
  });

  constructor() {
    everySeconds(2, () => this.counts.reload());
  }

  protected async pause(queue: Queue): Promise<void> {
    await this.#tried(async () => {
      const params = this.params();
      const paused = !queue.paused;
      this.found.set(
        await this.client.data(this.client.api.PATCH("/v1/queues/{queue}", { params, body: { paused } })),
      );
      this.toasts.done(paused ? "Paused: its messages wait." : "Its messages are delivered again.");
    });
  }

  protected async purge({ name }: Queue): Promise<void> {
    const agreed = await this.confirm.ask({
      title: `Purge ${name}?`,
      text: "All of its messages are removed, also those that wait for their time, and nobody gets them back. Those that a worker has already are done with by it.",
      action: "Purge the queue",
      typed: name,
    });
    if (!agreed) return;
    await this.#tried(async () => {
      await this.client.data(
        this.client.api.DELETE("/v1/queues/{queue}/messages", { params: this.params() }),
      );
      this.toasts.done("Its messages are removed within a moment.");
      await this.#untilPurged();
    });
  }

  protected async remove({ name }: Queue): Promise<void> {
    const agreed = await this.confirm.ask({
      title: `Delete ${name}?`,
      text: "The queue and all of its messages are gone for good. It is refused while a worker sends to it, or takes its messages.",
      action: "Delete the queue",
      typed: name,
    });
    if (!agreed) return;
    await this.#tried(async () => {
      await this.client.api.DELETE("/v1/queues/{queue}", { params: this.params() });
      this.toasts.done(`${name} is deleted.`);
      await this.router.navigate(["/queues"]);
    });
  }

  protected async unconsume({ name, consumer }: Queue): Promise<void> {
    const agreed = await this.confirm.ask({
      title: "Take the consumer away?",
      text: `${consumer?.worker} no longer gets the messages of ${name}: they wait.${consumer?.source === "manifest" ? " Its manifest says that it does: the next deploy sets it again." : ""}`,
      action: "Take it away",
    });
    if (!agreed) return;
    await this.#tried(async () => {
      await this.client.api.DELETE("/v1/queues/{queue}/consumer", { params: this.params() });
      this.found.reload();
      this.toasts.done(`Nobody takes the messages of ${name}.`);
    });
  }

  protected count(): void {
    this.counts.reload();
  }

  async #untilPurged(): Promise<void> {
    for (let attempt = 0; attempt < 20; attempt++) {
      const { waiting } = await this.client.data(
        this.client.api.GET("/v1/queues/{queue}/counts", { params: this.params() }),
      );
      if (waiting === 0 || waiting === null) break;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    this.counts.reload();
    for (const list of this.lists()) list.reload();
  }

  async #tried(work: () => Promise<void>): Promise<void> {
    if (this.busy()) return;
    this.busy.set(true);
    try {
      await work();
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
      if (codeOf(thrown) === "NOT_FOUND") this.found.reload();
    }
    this.busy.set(false);
  }
}
