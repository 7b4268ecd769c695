import {
  ChangeDetectionStrategy,
  Component,
  computed,
  effect,
  inject,
  input,
  output,
  signal,
  untracked,
} from "@angular/core";
import { LucideChevronRight } from "@lucide/angular";
import { Api } from "../../api/api.ts";
import { messageOf } from "../../api/failure.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { formatBytes } from "../../ui/bytes.ts";
import { Confirm } from "../../ui/confirm.ts";
import { Copy } from "../../ui/copy.ts";
import { Empty } from "../../ui/empty.ts";
import { Paged } from "../../ui/paged.ts";
import { PagedFoot } from "../../ui/paged-foot.ts";
import { Time } from "../../ui/time.ts";
import { Toasts } from "../../ui/toasts.ts";
import { briefBody, readableBody } from "./bodies.ts";
import type { QueueMessage } from "./queue-types.ts";

const pageSize = 20;
const types = { json: "JSON", text: "Text", bytes: "Bytes", v8: "V8" } as const;

/** What lies in a queue, the oldest first; dead letters can be sent again to the queue that they came from. */
@Component({
  selector: "ow-queue-messages",
  imports: [Copy, Empty, LucideChevronRight, PagedFoot, Time],
  templateUrl: "./messages.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class QueueMessages {
  readonly heading = input.required<string>();
  /** The queue that is read. */
  readonly queue = input.required<string>();
  /** Where its messages are sent again to; nowhere without. */
  readonly replayTo = input<string>();
  /** How many there are, where that is known: the list is read again when it shows them no longer. */
  readonly count = input<number>();
  readonly emptyTitle = input.required<string>();
  readonly emptyText = input.required<string>();
  /** Something was taken out, or may have been. */
  readonly changed = output<void>();
  protected readonly accounts = inject(Accounts);
  protected readonly opened = signal<number | undefined>(undefined);
  protected readonly busy = signal<number | undefined>(undefined);
  /** Messages sent again so far, while all of them are. */
  protected readonly replayed = signal<number | undefined>(undefined);
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  #stopped = false;
  protected readonly messages = new Paged<QueueMessage>(() => {
    const account = this.account.query();
    const path = { queue: this.queue() };
    return (cursor, signal) =>
      this.client.data(
        this.client.api.GET("/v1/queues/{queue}/messages", {
          params: {
            path,
            query: { ...account, limit: pageSize, ...(cursor === undefined ? {} : { cursor }) },
          },
          signal,
        }),
      );
  });
  protected readonly rows = computed(() =>
    this.messages.items().map((message) => ({
      message,
      brief: briefBody(message),
      body: this.opened() === message.position ? readableBody(message) : "",
    })),
  );
  protected readonly formatBytes = formatBytes;
  protected readonly types = types;

  constructor() {
    let before: number | undefined;
    effect(() => {
      const now = this.count();
      if (now === undefined) return;
      untracked(() => {
        const shown = this.messages.items().length;
        // The oldest are first: more of them move nothing that is being read, fewer would.
        const grown = before !== undefined && now > before && shown < pageSize;
        const gone = now === 0 && shown > 0;
        if ((grown || gone) && this.replayed() === undefined) this.reload();
        before = now;
      });
    });
  }

  reload(): void {
    this.messages.reload();
  }

  protected refresh(): void {
    this.reload();
    this.changed.emit();
  }

  protected async replay({ position }: QueueMessage): Promise<void> {
    await this.#one(position, async () => {
      const { replayed, to } = await this.#replay({ positions: [position] });
      if (replayed === 0) this.toasts.failed("It is no longer there: somebody has taken it.");
      else this.toasts.done(`Sent again to ${to}.`);
    });
  }

  protected async remove({ position }: QueueMessage): Promise<void> {
    const agreed = await this.confirm.ask({
      title: "Delete this message?",
      text: `It is removed from ${this.queue()}, and nobody takes it any more.`,
      action: "Delete the message",
    });
    if (!agreed) return;
    await this.#one(position, async () => {
      const params = { path: { queue: this.queue(), position }, query: this.account.query() };
      await this.client.api.DELETE("/v1/queues/{queue}/messages/{position}", { params });
      this.toasts.done("The message is deleted.");
    });
  }

  /** Page by page until none is left, or it is stopped. */
  protected async replayAll(): Promise<void> {
    const to = this.replayTo();
    const agreed = await this.confirm.ask({
      title: `Send all of them again to ${to}?`,
      text: `Each becomes a new message of ${to}, with its deliveries counted anew, and is gone here. What fails again comes back.`,
      action: "Send all again",
    });
    if (!agreed) return;
    this.#stopped = false;
    this.replayed.set(0);
    try {
      for (let left = 1; left > 0 && !this.#stopped; ) {
        const done = await this.#replay({});
        left = done.replayed === 0 ? 0 : done.left;
        this.replayed.update((count) => (count ?? 0) + done.replayed);
      }
      this.toasts.done(`${this.replayed()} sent again to ${to}.`);
    } catch (thrown) {
      this.toasts.failed(`${this.replayed()} were sent again; then: ${messageOf(thrown)}`);
    }
    this.replayed.set(undefined);
    this.reload();
    this.changed.emit();
  }

  protected stop(): void {
    this.#stopped = true;
  }

  async #replay(wanted: { readonly positions?: number[] }) {
    const to = this.replayTo();
    return await this.client.data(
      this.client.api.POST("/v1/queues/{queue}/replay", {
        params: { path: { queue: this.queue() }, query: this.account.query() },
        body: { ...wanted, ...(to === undefined ? {} : { to }) },
      }),
    );
  }

  async #one(position: number, work: () => Promise<void>): Promise<void> {
    if (this.busy() !== undefined) return;
    this.busy.set(position);
    try {
      await work();
      this.messages.items.update((all) => all.filter((each) => each.position !== position));
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
      this.reload();
    }
    this.busy.set(undefined);
    this.changed.emit();
  }
}
