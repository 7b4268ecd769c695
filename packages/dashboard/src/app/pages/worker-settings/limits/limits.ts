import { ChangeDetectionStrategy, Component, computed, inject, linkedSignal, resource } from "@angular/core";
import { Api } from "../../../api/api.ts";
import { Sending } from "../../../ui/form.ts";
import { Load } from "../../../ui/load.ts";
import { Toasts } from "../../../ui/toasts.ts";
import { CurrentWorker } from "../../worker/current-worker.ts";
import { Section } from "../section.ts";
import { changeFailure, ifMatch, isChanged, tagged } from "../tagged.ts";
import { type LimitName, meanings, readAs, shownAs } from "./meanings.ts";

type Texts = Readonly<Partial<Record<LimitName, string>>>;

/** What bounds the worker, within what the platform allows. */
@Component({
  selector: "ow-worker-limits",
  imports: [Load, Section],
  templateUrl: "./limits.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Limits {
  protected readonly current = inject(CurrentWorker);
  private readonly client = inject(Api);
  private readonly toasts = inject(Toasts);
  protected readonly sending = new Sending();

  protected readonly limits = resource({
    params: () => this.current.name() || undefined,
    loader: async ({ params: worker, abortSignal: signal }) => {
      const [own, platform] = await Promise.all([
        tagged(this.client.api.GET("/v1/workers/{worker}", { params: { path: { worker } }, signal })),
        this.client.data(this.client.api.GET("/v1/limits", { signal })),
      ]);
      const [live] = own.value.live;
      const version =
        live === undefined
          ? undefined
          : await this.client.data(
              this.client.api.GET("/v1/workers/{worker}/versions/{version}", {
                params: { path: { worker, version: live.version } },
                signal,
              }),
            );
      return { own, defaults: platform.worker, most: platform.workerAtMost, deployed: version?.limits ?? {} };
    },
  });
  /** What the reader has typed; empty for the default. */
  protected readonly texts = linkedSignal((): Texts => {
    if (!this.limits.hasValue()) return {};
    const { limits } = this.limits.value().own.value;
    return Object.fromEntries(
      meanings.flatMap(({ name, unit }) => {
        const value = limits[name];
        return value === undefined ? [] : [[name, shownAs(value, unit)]];
      }),
    );
  });
  protected readonly rows = computed(() => {
    if (!this.limits.hasValue()) return [];
    const { defaults, most, deployed } = this.limits.value();
    const texts = this.texts();
    return meanings.map(({ name, label, text, unit }) => {
      const typed = texts[name] ?? "";
      const value = readAs(typed, unit);
      const tooMuch = value !== undefined && value > most[name];
      const manifest = deployed[name];
      return {
        ...{ name, label, text, unit, typed },
        default: shownAs(defaults[name], unit),
        most: Number(shownAs(most[name], unit)).toLocaleString(),
        manifest: manifest === undefined ? undefined : `${shownAs(manifest, unit)} ${unit}`.trim(),
        fault:
          typed.trim() === ""
            ? undefined
            : value === undefined || value < 0
              ? "is no number"
              : tooMuch
                ? `is more than the platform allows`
                : undefined,
      };
    });
  });
  /** What differs from what is stored, as the API takes it: null for the default. */
  private readonly change = computed((): Partial<Record<LimitName, number | null>> => {
    if (!this.limits.hasValue()) return {};
    const { limits } = this.limits.value().own.value;
    const texts = this.texts();
    return Object.fromEntries(
      meanings.flatMap(({ name, unit }) => {
        const wanted = readAs(texts[name] ?? "", unit) ?? null;
        return wanted === (limits[name] ?? null) ? [] : [[name, wanted]];
      }),
    );
  });
  protected readonly changed = computed(() => Object.keys(this.change()).length);
  protected readonly wrong = computed(() => this.rows().some(({ fault }) => fault !== undefined));
  protected readonly failure = computed(() => {
    const thrown = this.sending.failure();
    return thrown === undefined ? undefined : changeFailure(thrown);
  });

  protected type(name: LimitName, text: string): void {
    this.texts.update((texts) => ({ ...texts, [name]: text }));
  }

  protected async save(): Promise<void> {
    if (this.wrong() || !this.limits.hasValue()) return;
    const { own } = this.limits.value();
    const done = await this.sending.run(async () => {
      try {
        await this.client.api.PATCH("/v1/workers/{worker}", {
          params: { path: { worker: this.current.name() } },
          headers: ifMatch(own),
          body: { limits: this.change() },
        });
      } catch (thrown) {
        if (isChanged(thrown)) this.limits.reload();
        throw thrown;
      }
    });
    if (!done) return;
    this.toasts.done("The limits are saved. New processes of the worker have them.");
    this.limits.reload();
    this.current.reload();
  }
}
