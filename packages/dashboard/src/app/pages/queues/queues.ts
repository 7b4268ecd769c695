import { ChangeDetectionStrategy, Component, computed, inject, resource, signal } from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { once } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { Empty } from "../../ui/empty.ts";
import { everySeconds } from "../../ui/every-seconds.ts";
import { NameDialog } from "../../ui/name-dialog.ts";
import { Page } from "../../ui/page.ts";
import { Paged } from "../../ui/paged.ts";
import { PagedFoot } from "../../ui/paged-foot.ts";
import { Toasts } from "../../ui/toasts.ts";
import type { Queue, QueueCounts } from "./queue-types.ts";

/** The account's queues, with how many messages each has. */
@Component({
  selector: "ow-queues",
  imports: [Empty, NameDialog, Page, PagedFoot, RouterLink],
  template: `
    <ow-page heading="Queues" lead="Messages from worker to worker, kept until one has taken them.">
      @if (accounts.mayWrite()) {
        <button actions type="button" class="button button-primary" (click)="making.set(true)">New queue</button>
      }
      <div class="card overflow-x-auto">
        @if (queues.empty()) {
          <ow-empty title="No queues yet" text="A worker sends to a queue through a binding, and another takes its messages in batches. From a terminal: ow queues create NAME">
            @if (accounts.mayWrite()) {
              <button type="button" class="button" (click)="making.set(true)">New queue</button>
            }
          </ow-empty>
        } @else if (rows().length > 0) {
          <table class="table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col" class="max-sm:hidden">Consumer</th>
                <th scope="col">Delivery</th>
                <th scope="col" class="numeric">Waiting</th>
                <th scope="col" class="numeric max-sm:hidden">In flight</th>
                <th scope="col" class="numeric max-sm:hidden">Delayed</th>
                <th scope="col" class="numeric">Dead</th>
              </tr>
            </thead>
            <tbody>
              @for (row of rows(); track row.queue.id) {
                <tr>
                  <td><a class="link font-medium" [routerLink]="['/queues', row.queue.name]">{{ row.queue.name }}</a></td>
                  <td class="text-muted max-sm:hidden">{{ row.queue.consumer?.worker ?? "nobody" }}</td>
                  <td>
                    @if (row.queue.paused) {
                      <span class="badge badge-warn">Paused</span>
                    } @else if (row.queue.consumer === null) {
                      <span class="badge">No consumer</span>
                    } @else {
                      <span class="badge badge-good">On</span>
                    }
                  </td>
                  <td class="numeric">{{ shown(row.counts?.waiting) }}</td>
                  <td class="numeric max-sm:hidden">{{ shown(row.counts?.inFlight) }}</td>
                  <td class="numeric max-sm:hidden">{{ shown(row.counts?.delayed) }}</td>
                  <td class="numeric" [class.text-bad]="(row.counts?.deadLetters ?? 0) > 0">{{ shown(row.counts?.deadLetters) }}</td>
                </tr>
              }
            </tbody>
          </table>
        }
        <ow-paged-foot [of]="queues" />
      </div>
    </ow-page>
    <ow-name-dialog
      title="New queue"
      action="Make it"
      hint="What people and wrangler.jsonc call it."
      [open]="making()"
      [send]="make"
      (closed)="making.set(false)"
    />
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Queues {
  protected readonly accounts = inject(Accounts);
  protected readonly making = signal(false);
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly router = inject(Router);
  private readonly toasts = inject(Toasts);
  protected readonly queues = new Paged<Queue>(() => {
    const account = this.account.query();
    return (cursor, signal) =>
      this.client.data(
        this.client.api.GET("/v1/queues", {
          params: { query: { ...account, limit: 50, ...(cursor === undefined ? {} : { cursor }) } },
          signal,
        }),
      );
  });
  private readonly counts = resource({
    params: () => ({ account: this.account.query(), queues: this.queues.items().length }),
    loader: async ({ params: { account, queues }, abortSignal: signal }): Promise<readonly QueueCounts[]> => {
      const all: QueueCounts[] = [];
      let cursor: string | undefined;
      while (all.length < queues) {
        const query = { ...account, limit: 100, ...(cursor === undefined ? {} : { cursor }) };
        const page = await this.client.data(
          this.client.api.GET("/v1/queue-counts", { params: { query }, signal }),
        );
        all.push(...page.items);
        if (page.nextCursor === null) break;
        cursor = page.nextCursor;
      }
      return all;
    },
  });
  protected readonly rows = computed(() => {
    const counts = this.counts.hasValue() ? this.counts.value() : [];
    const of = new Map(counts.map((each) => [each.id, each]));
    return this.queues.items().map((queue) => ({ queue, counts: of.get(queue.id) }));
  });

  constructor() {
    everySeconds(3, () => this.counts.reload());
  }

  protected readonly make = async (name: string): Promise<void> => {
    await this.client.data(
      this.client.api.POST("/v1/queues", {
        params: { query: this.account.query(), header: once() },
        body: { name },
      }),
    );
    this.toasts.done(`${name} is there.`);
    await this.router.navigate(["/queues", name]);
  };

  /** What is not known is not 0. */
  protected shown(count: number | null | undefined): string {
    return count === null || count === undefined ? "–" : count.toLocaleString();
  }
}
