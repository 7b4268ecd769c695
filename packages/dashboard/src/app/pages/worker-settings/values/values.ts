import { ChangeDetectionStrategy, Component, computed, inject, resource, signal } from "@angular/core";
import { LucidePencil, LucidePlus, LucideTrash2 } from "@lucide/angular";
import { Api } from "../../../api/api.ts";
import { Confirm } from "../../../ui/confirm.ts";
import { Copy } from "../../../ui/copy.ts";
import { Empty } from "../../../ui/empty.ts";
import { Load } from "../../../ui/load.ts";
import { Time } from "../../../ui/time.ts";
import { Toasts } from "../../../ui/toasts.ts";
import { CurrentWorker } from "../../worker/current-worker.ts";
import { Section } from "../section.ts";
import { changeFailure, ifMatch, isChanged, tagged } from "../tagged.ts";
import { type Draft, ValuesDialog } from "./values-dialog.ts";

interface Row {
  readonly name: string;
  readonly kind: "var" | "secret";
  readonly value: string | undefined;
  /** Undefined for what the version says. */
  readonly updatedAt: string | undefined;
  /** There is one of the name that goes before. */
  readonly hidden: boolean;
}

/** Variables and secrets: those of the environment, which can be changed, and those of the live version, which are as deployed. */
@Component({
  selector: "ow-worker-values",
  imports: [Copy, Empty, Load, LucidePencil, LucidePlus, LucideTrash2, Section, Time, ValuesDialog],
  templateUrl: "./values.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Values {
  protected readonly current = inject(CurrentWorker);
  private readonly client = inject(Api);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  protected readonly editing = signal<readonly Draft[] | undefined>(undefined);

  protected readonly values = resource({
    params: () => this.current.name() || undefined,
    loader: ({ params: worker, abortSignal: signal }) =>
      tagged(this.client.api.GET("/v1/workers/{worker}/values", { params: { path: { worker } }, signal })),
  });
  /** Vars of the version with the largest share. */
  private readonly version = resource({
    params: () => {
      const worker = this.current.worker();
      const [live] = worker?.live ?? [];
      return worker === undefined || live === undefined
        ? undefined
        : { worker: worker.id, version: live.version };
    },
    loader: ({ params: path, abortSignal: signal }) =>
      this.client.data(
        this.client.api.GET("/v1/workers/{worker}/versions/{version}", { params: { path }, signal }),
      ),
  });
  private readonly environment = resource({
    params: () => {
      const worker = this.current.worker();
      const { environment, account } = worker ?? {};
      return environment == null || account === undefined ? undefined : { environment, account };
    },
    loader: ({ params: { environment, account }, abortSignal: signal }) =>
      this.client.data(
        this.client.api.GET("/v1/environments/{environment}", {
          params: { path: { environment }, query: { account } },
          signal,
        }),
      ),
  });

  /** Other workers that have the same values. */
  protected readonly shared = computed(() => {
    const workers = this.environment.hasValue() ? this.environment.value().workers : [];
    return workers.filter((worker) => worker !== this.current.name());
  });
  protected readonly rows = computed((): readonly Row[] => {
    const own = this.values.hasValue() ? this.values.value().value.items : [];
    const names = new Set(own.map(({ name }) => name));
    const deployed = Object.entries(this.version.hasValue() ? this.version.value().vars : {});
    return [
      ...own.map(({ name, kind, value, updatedAt }) => ({ name, kind, value, updatedAt, hidden: false })),
      ...deployed.map(([name, value]) => ({
        name,
        kind: "var" as const,
        value: typeof value === "string" ? value : JSON.stringify(value),
        updatedAt: undefined,
        hidden: names.has(name),
      })),
    ].sort((a, b) => a.name.localeCompare(b.name) || Number(a.hidden) - Number(b.hidden));
  });

  protected add(): void {
    this.editing.set([]);
  }

  protected edit({ name, kind, value }: Row): void {
    this.editing.set([{ name, value: kind === "secret" ? "" : (value ?? ""), secret: kind === "secret" }]);
  }

  /** @throws ApiError */
  protected readonly save = async (drafts: readonly Draft[]): Promise<void> => {
    const of = (secret: boolean) =>
      Object.fromEntries(
        drafts.filter((draft) => draft.secret === secret).map(({ name, value }) => [name, value]),
      );
    await this.#change({ vars: of(false), secrets: of(true) });
    this.editing.set(undefined);
    this.toasts.done(drafts.length === 1 ? `${drafts[0]?.name} is set.` : `${drafts.length} values are set.`);
  };

  protected async remove({ name, kind }: Row): Promise<void> {
    const also =
      this.shared().length > 0 ? ` So it is for ${this.shared().join(", ")}, with the same environment.` : "";
    const agreed = await this.confirm.ask({
      title: `Delete ${name}?`,
      text:
        kind === "secret"
          ? `The worker no longer has this secret, at once. Nobody can read it back.${also}`
          : `The worker no longer has this variable, at once.${also}`,
      action: "Delete",
    });
    if (!agreed) return;
    try {
      await this.#change({ unset: [name] });
      this.toasts.done(`${name} is deleted.`);
    } catch (thrown) {
      this.toasts.failed(changeFailure(thrown));
    }
  }

  async #change(body: {
    readonly vars?: Record<string, string>;
    readonly secrets?: Record<string, string>;
    readonly unset?: string[];
  }): Promise<void> {
    if (!this.values.hasValue()) return;
    try {
      await this.client.api.PATCH("/v1/workers/{worker}/values", {
        params: { path: { worker: this.current.name() } },
        headers: ifMatch(this.values.value()),
        body,
      });
    } catch (thrown) {
      if (isChanged(thrown)) this.values.reload();
      throw thrown;
    }
    this.values.reload();
    // The first value makes the environment.
    if (this.current.worker()?.environment == null) this.current.reload();
  }
}
