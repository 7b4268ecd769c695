import {
  ChangeDetectionStrategy,
  Component,
  computed,
  inject,
  input,
  linkedSignal,
  output,
} from "@angular/core";
import { once } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Sending } from "../../ui/form.ts";
import { Toasts } from "../../ui/toasts.ts";
import { CurrentWorker } from "./current-worker.ts";

type Share = { readonly version: number; readonly percent: number };

/** Shifts a worker's requests from one version to another, little by little. */
@Component({
  selector: "ow-shift-traffic",
  templateUrl: "./shift-traffic.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class ShiftTraffic {
  /** What serves requests now, the largest share first. */
  readonly live = input.required<readonly Share[]>();
  /** The versions to choose from, the newest first. */
  readonly versions = input.required<readonly number[]>();
  readonly shifted = output<void>();
  protected readonly sending = new Sending();
  private readonly current = inject(CurrentWorker);
  private readonly client = inject(Api);
  private readonly toasts = inject(Toasts);
  /** The larger number of those that are live is what one shifts to; else the newest that is not. */
  private readonly start = computed(() => {
    const numbers = this.live().map(({ version }) => version);
    const [largest] = numbers;
    if (numbers.length > 1) {
      const to = Math.max(...numbers.slice(0, 2));
      return { from: numbers.slice(0, 2).find((number) => number !== to) ?? to, to };
    }
    const other = this.versions().find((number) => number !== largest);
    return { from: largest ?? 0, to: other ?? largest ?? 0 };
  });
  protected readonly from = linkedSignal(() => this.start().from);
  protected readonly to = linkedSignal(() => this.start().to);
  /** Of the requests, those for `to`, when this was last told. */
  private readonly now = computed(
    () => this.live().find(({ version }) => version === this.to())?.percent ?? 0,
  );
  protected readonly percent = linkedSignal(() => this.now());
  protected readonly choices = computed(() =>
    [...new Set([...this.versions(), ...this.live().map(({ version }) => version)])].sort((a, b) => b - a),
  );
  /** Versions that would serve nothing any more although neither of the two. */
  protected readonly dropped = computed(() =>
    this.live().filter(({ version }) => version !== this.from() && version !== this.to()),
  );
  private readonly wanted = computed((): Share[] =>
    [
      { version: this.from(), percent: 100 - this.percent() },
      { version: this.to(), percent: this.percent() },
    ].filter(({ percent }) => percent > 0),
  );
  protected readonly changes = computed(
    () => this.from() !== this.to() && textOf(this.wanted()) !== textOf(this.live()),
  );
  protected readonly spoken = computed(
    () => `${this.percent()} % to version ${this.to()}, ${100 - this.percent()} % to version ${this.from()}`,
  );

  protected async apply(event: Event): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const message = String(new FormData(form).get("message") ?? "").trim();
    const said = this.spoken();
    const done = await this.sending.run(async () => {
      await this.client.data(
        this.client.api.POST("/v1/workers/{worker}/deployments", {
          params: { path: { worker: this.current.name() } },
          body: { versions: this.wanted(), ...(message === "" ? {} : { message }) },
          headers: once(),
        }),
      );
    });
    if (!done) return;
    form.reset();
    this.toasts.done(`${said}.`);
    this.shifted.emit();
  }
}

function textOf(shares: readonly Share[]): string {
  return shares
    .map(({ version, percent }) => `${version}:${percent}`)
    .sort()
    .join();
}
