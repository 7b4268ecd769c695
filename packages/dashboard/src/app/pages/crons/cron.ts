import {
  ChangeDetectionStrategy,
  Component,
  computed,
  inject,
  input,
  resource,
  signal,
  viewChild,
} from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { Api } from "../../api/api.ts";
import { Accounts } from "../../session/accounts.ts";
import { Load } from "../../ui/load.ts";
import { Page } from "../../ui/page.ts";
import { Time } from "../../ui/time.ts";
import { type Cron, CronActs } from "./cron-acts.ts";
import { CronForm } from "./cron-form.ts";
import { CronHistory } from "./cron-history.ts";
import { CronState } from "./cron-state.ts";
import { CronOutlook } from "./outlook.ts";

const lates = { once: "the newest runs", all: "all run", skip: "none runs" } as const;

/** One cron: when it runs, how, and what became of its times. */
@Component({
  selector: "ow-cron",
  imports: [CronForm, CronHistory, CronOutlook, CronState, Load, Page, RouterLink, Time],
  templateUrl: "./cron.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class CronPage {
  readonly worker = input.required<string>();
  readonly cron = input.required<string>();
  protected readonly accounts = inject(Accounts);
  protected readonly changing = signal(false);
  protected readonly busy = signal(false);
  private readonly client = inject(Api);
  private readonly acts = inject(CronActs);
  private readonly router = inject(Router);
  private readonly history = viewChild(CronHistory);
  protected readonly found = resource({
    params: () => ({ worker: this.worker(), cron: this.cron() }),
    loader: ({ params: path, abortSignal: signal }) =>
      this.client.data(
        this.client.api.GET("/v1/workers/{worker}/crons/{cron}", { params: { path }, signal }),
      ),
  });
  protected readonly policy = computed(() => {
    if (!this.found.hasValue()) return [];
    const { retries, retryDelayMs, late, lateCap, overlap, wallMs } = this.found.value();
    return [
      [
        "After a failure",
        retries === 0 ? "no further attempt" : `${retries} more, the first after ${retryDelayMs / 1_000} s`,
      ],
      ["Times that were missed", lates[late] + (late === "all" ? `, at most ${lateCap}` : "")],
      ["While it still runs", overlap === "allow" ? "it runs beside that" : "it is skipped"],
      ["Ends after", `${wallMs / 1_000} s`],
    ];
  });

  protected async run(cron: Cron): Promise<void> {
    await this.#once(async () => {
      const event = await this.acts.run(cron);
      if (event !== undefined) this.history()?.begun(event);
    });
  }

  protected async pause(cron: Cron): Promise<void> {
    await this.#once(async () => {
      const changed = await this.acts.pause(cron, !cron.paused);
      if (changed !== undefined) this.found.set(changed);
    });
  }

  protected async remove(cron: Cron): Promise<void> {
    await this.#once(async () => {
      if (await this.acts.remove(cron)) await this.router.navigate(["/crons"]);
    });
  }

  protected async saved(cron: Cron): Promise<void> {
    if (cron.id === this.cron()) this.found.set(cron);
    else await this.router.navigate(["/crons", cron.worker, cron.id], { replaceUrl: true });
  }

  async #once(work: () => Promise<void>): Promise<void> {
    if (this.busy()) return;
    this.busy.set(true);
    await work();
    this.busy.set(false);
  }
}
