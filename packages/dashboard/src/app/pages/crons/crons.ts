import { ChangeDetectionStrategy, Component, computed, inject, input, signal } from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { LucidePause, LucidePlay, LucideStepForward } from "@lucide/angular";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { Empty } from "../../ui/empty.ts";
import { Page } from "../../ui/page.ts";
import { Paged } from "../../ui/paged.ts";
import { PagedFoot } from "../../ui/paged-foot.ts";
import { Time } from "../../ui/time.ts";
import { type Cron, CronActs } from "./cron-acts.ts";
import { CronForm } from "./cron-form.ts";
import { CronState } from "./cron-state.ts";
import { wordsOf } from "./words.ts";

/** The crons of an account's workers, or of the one that the address names. */
@Component({
  selector: "ow-crons",
  imports: [
    CronForm,
    CronState,
    Empty,
    LucidePause,
    LucidePlay,
    LucideStepForward,
    Page,
    PagedFoot,
    RouterLink,
    Time,
  ],
  templateUrl: "./crons.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Crons {
  /** Name of a worker. */
  readonly worker = input<string>();
  protected readonly accounts = inject(Accounts);
  protected readonly making = signal(false);
  protected readonly busy = signal<string | undefined>(undefined);
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly acts = inject(CronActs);
  private readonly router = inject(Router);
  protected readonly crons = new Paged<Cron>(() => {
    const account = this.account.query();
    const worker = this.worker();
    return (cursor, signal) => {
      const query = { limit: 50, ...(cursor === undefined ? {} : { cursor }) };
      return worker === undefined
        ? this.client.data(
            this.client.api.GET("/v1/crons", { params: { query: { ...query, ...account } }, signal }),
          )
        : this.client.data(
            this.client.api.GET("/v1/workers/{worker}/crons", {
              params: { path: { worker }, query },
              signal,
            }),
          );
    };
  });
  protected readonly rows = computed(() =>
    this.crons.items().map((cron) => ({ cron, words: wordsOf(cron.expression) })),
  );

  protected async run(cron: Cron): Promise<void> {
    await this.#once(cron, async () => {
      if ((await this.acts.run(cron)) !== undefined)
        await this.router.navigate(["/crons", cron.worker, cron.id]);
    });
  }

  protected async pause(cron: Cron): Promise<void> {
    await this.#once(cron, async () => {
      const changed = await this.acts.pause(cron, !cron.paused);
      if (changed === undefined) return;
      this.crons.items.update((all) => all.map((one) => (one.id === changed.id ? changed : one)));
    });
  }

  async #once(cron: Cron, work: () => Promise<void>): Promise<void> {
    if (this.busy() !== undefined) return;
    this.busy.set(cron.id);
    await work();
    this.busy.set(undefined);
  }
}
