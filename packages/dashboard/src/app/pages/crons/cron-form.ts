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
import { allOf, once } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { codeOf } from "../../api/failure.ts";
import { Account } from "../../session/account.ts";
import { Dialog } from "../../ui/dialog.ts";
import { Field } from "../../ui/field.ts";
import { Sending } from "../../ui/form.ts";
import { Toasts } from "../../ui/toasts.ts";
import type { Cron } from "./cron-acts.ts";
import { CronOutlook } from "./outlook.ts";
import { zones } from "./words.ts";

const presets = [
  ["Every 5 minutes", "*/5 * * * *"],
  ["Hourly", "0 * * * *"],
  ["Daily at 3:00", "0 3 * * *"],
  ["Weekdays at 9:00", "0 9 * * MON-FRI"],
  ["Last day of the month", "0 0 L * *"],
] as const;

const second = 1_000;

/** Makes a cron, or changes one: its schedule, which makes another of it, and its policy. */
@Component({
  selector: "ow-cron-form",
  imports: [CronOutlook, Dialog, Field],
  templateUrl: "./cron-form.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class CronForm {
  readonly open = input.required<boolean>();
  /** What is changed; a new one without. */
  readonly cron = input<Cron>();
  /** Of a new one, where that is known. */
  readonly of = input<string>();
  readonly closed = output<void>();
  readonly saved = output<Cron>();
  protected readonly presets = presets;
  protected readonly zones = zones;
  protected readonly sending = new Sending();
  /** Until what is there has been read: it would replace what is typed meanwhile. */
  protected readonly loading = signal(false);
  protected readonly worker = signal("");
  protected readonly workers = signal<readonly string[] | undefined>(undefined);
  protected readonly expression = signal("");
  protected readonly timezone = signal("UTC");
  protected readonly retries = signal("0");
  protected readonly retryDelay = signal("10");
  protected readonly late = signal<Cron["late"]>("once");
  protected readonly lateCap = signal("100");
  protected readonly overlap = signal<Cron["overlap"]>("allow");
  protected readonly wall = signal("900");
  protected readonly reschedules = computed(() => {
    const cron = this.cron();
    return (
      cron !== undefined &&
      (cron.expression !== this.expression().trim() || cron.timezone !== this.timezone())
    );
  });
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly toasts = inject(Toasts);
  #etag: string | null = null;

  constructor() {
    effect(() => {
      if (this.open()) untracked(() => void this.#begin());
    });
  }

  protected async save(): Promise<void> {
    const before = this.cron();
    await this.sending.run(async () => {
      try {
        const saved =
          before === undefined
            ? await this.#add(this.worker())
            : this.reschedules()
              ? await this.#replace(before)
              : await this.#change(before);
        this.toasts.done(before === undefined ? `${saved.worker} has another cron.` : "The cron is changed.");
        this.saved.emit(saved);
        this.closed.emit();
      } catch (thrown) {
        if (codeOf(thrown) !== "PRECONDITION_FAILED") throw thrown;
        throw new Error("It was changed by somebody else meanwhile. Close this and open it again.", {
          cause: undefined,
        });
      }
    });
  }

  async #begin(): Promise<void> {
    this.loading.set(true);
    // What could not be read is not overwritten with what a new one would have.
    this.loading.set(!(await this.sending.run(() => this.#read())));
  }

  async #read(): Promise<void> {
    const cron = this.cron();
    this.worker.set(cron?.worker ?? this.of() ?? "");
    this.expression.set(cron?.expression ?? "");
    this.timezone.set(cron?.timezone ?? "UTC");
    this.#etag = null;
    if (cron === undefined) {
      await this.#findWorkers();
      return;
    }
    const params = { path: { worker: cron.worker, cron: cron.id } };
    const { data, response } = await this.client.api.GET("/v1/workers/{worker}/crons/{cron}", { params });
    const now = data ?? cron;
    this.#etag = response.headers.get("etag");
    this.retries.set(String(now.retries));
    this.retryDelay.set(String(now.retryDelayMs / second));
    this.late.set(now.late);
    this.lateCap.set(String(now.lateCap));
    this.overlap.set(now.overlap);
    this.wall.set(String(now.wallMs / second));
  }

  async #findWorkers(): Promise<void> {
    if (this.of() !== undefined) return;
    const account = this.account.query();
    const all = await allOf((page) =>
      this.client.data(this.client.api.GET("/v1/workers", { params: { query: { ...page, ...account } } })),
    );
    this.workers.set(all.map(({ name }) => name));
    if (this.worker() === "") this.worker.set(all[0]?.name ?? "");
  }

  #policy() {
    return {
      retries: Number(this.retries()),
      retryDelayMs: Math.round(Number(this.retryDelay()) * second),
      late: this.late(),
      lateCap: Number(this.lateCap()),
      overlap: this.overlap(),
      wallMs: Math.round(Number(this.wall()) * second),
    };
  }

  async #add(worker: string): Promise<Cron> {
    const body = { ...this.#policy(), expression: this.expression().trim(), timezone: this.timezone() };
    const params = { path: { worker }, header: once() };
    return await this.client.data(this.client.api.POST("/v1/workers/{worker}/crons", { params, body }));
  }

  async #change({ worker, id }: Cron): Promise<Cron> {
    const header = this.#etag === null ? {} : { "if-match": this.#etag };
    const params = { path: { worker, cron: id } };
    return await this.client.data(
      this.client.api.PATCH("/v1/workers/{worker}/crons/{cron}", {
        params,
        body: this.#policy(),
        headers: header,
      }),
    );
  }

  /** The new one first: when that is refused, the old one goes on. */
  async #replace(before: Cron): Promise<Cron> {
    const made = await this.#add(before.worker);
    const params = { path: { worker: before.worker, cron: before.id } };
    await this.client.api.DELETE("/v1/workers/{worker}/crons/{cron}", { params });
    if (!before.paused) return made;
    return await this.client.data(
      this.client.api.PATCH("/v1/workers/{worker}/crons/{cron}", {
        params: { path: { worker: made.worker, cron: made.id } },
        body: { paused: true },
      }),
    );
  }
}
