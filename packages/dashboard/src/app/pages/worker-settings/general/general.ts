import { ChangeDetectionStrategy, Component, computed, inject, linkedSignal, resource } from "@angular/core";
import { Router } from "@angular/router";
import { type components, itemsOf } from "@openworkers/client";
import { Api } from "../../../api/api.ts";
import { messageOf } from "../../../api/failure.ts";
import { Confirm } from "../../../ui/confirm.ts";
import { Copy } from "../../../ui/copy.ts";
import { Field } from "../../../ui/field.ts";
import { Sending } from "../../../ui/form.ts";
import { Load } from "../../../ui/load.ts";
import { Toasts } from "../../../ui/toasts.ts";
import { CurrentWorker } from "../../worker/current-worker.ts";
import { Section } from "../section.ts";
import { changeFailure } from "../tagged.ts";

type Change = components["schemas"]["WorkerChange"];

/** The worker's name, environment and how long its logs are kept; and its end. */
@Component({
  selector: "ow-worker-general",
  imports: [Copy, Field, Load, Section],
  templateUrl: "./general.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class General {
  protected readonly current = inject(CurrentWorker);
  private readonly client = inject(Api);
  private readonly router = inject(Router);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  protected readonly renaming = new Sending();
  protected readonly keeping = new Sending();
  protected readonly choosing = new Sending();
  protected readonly deleting = new Sending();
  protected readonly name = linkedSignal(() => this.current.name());
  protected readonly days = linkedSignal(() => String(this.current.worker()?.logRetentionDays ?? ""));
  protected readonly environment = linkedSignal(() => this.current.worker()?.environment ?? "");

  protected readonly environments = resource({
    params: () => this.current.worker()?.account,
    loader: ({ params: account, abortSignal: signal }) =>
      Array.fromAsync(
        itemsOf<components["schemas"]["Environment"]>((page) =>
          this.client.data(
            this.client.api.GET("/v1/environments", { params: { query: { ...page, account } }, signal }),
          ),
        ),
      ),
  });
  protected readonly environmentsFailure = computed(() => {
    const thrown = this.environments.error();
    return thrown === undefined ? undefined : messageOf(thrown);
  });
  /** Others that use the worker's environment: it stays with them. */
  private readonly sharers = computed(() => {
    const all = this.environments.hasValue() ? this.environments.value() : [];
    const own = all.find(({ name }) => name === this.current.worker()?.environment);
    return (own?.workers ?? []).filter((worker) => worker !== this.current.name());
  });
  protected readonly goes = computed(() => {
    const environment = this.current.worker()?.environment;
    const sharers = this.sharers();
    return [
      "every version and deployment, with the static files and source",
      "its domains, routes and crons, and its place as the consumer of a queue",
      ...(environment == null
        ? []
        : sharers.length > 0
          ? []
          : [`the environment ${environment} with its variables, secrets and bindings`]),
    ];
  });
  protected readonly stays = computed(() => {
    const sharers = this.sharers();
    return [
      "KV namespaces, buckets, databases and queues that it was bound to",
      "its logs, until they are as old as all others",
      ...(sharers.length > 0
        ? [`the environment ${this.current.worker()?.environment}, which ${sharers.join(", ")} use`]
        : []),
    ];
  });

  protected failureOf(sending: Sending): string | undefined {
    const thrown = sending.failure();
    return thrown === undefined ? undefined : changeFailure(thrown);
  }

  protected async rename(): Promise<void> {
    const name = this.name().trim();
    const old = this.current.name();
    const agreed = await this.confirm.ask({
      title: `Rename ${old} to ${name}?`,
      text: `Its address changes with it: ${old} answers no more, and whoever comes next may take the name. Workers that are bound to it follow. Change the name in its manifest, too, or the next deploy makes a worker of the old name.`,
      action: "Rename",
    });
    if (!agreed) return;
    if (!(await this.renaming.run(() => this.#patch({ name })))) return;
    this.toasts.done(`The worker is called ${name}.`);
    await this.router.navigate(["/workers", name, "settings", "general"], { replaceUrl: true });
  }

  protected async keep(): Promise<void> {
    const text = this.days().trim();
    const done = await this.keeping.run(() =>
      this.#patch({ logRetentionDays: text === "" ? null : Number(text) }),
    );
    if (!done) return;
    this.toasts.done(
      text === ""
        ? "Its logs are kept as long as the platform keeps any."
        : `Its logs are kept for ${text} days.`,
    );
    this.current.reload();
  }

  protected async choose(): Promise<void> {
    const environment = this.environment();
    const old = this.current.worker()?.environment ?? null;
    if (old !== null) {
      const agreed = await this.confirm.ask({
        title:
          environment === ""
            ? `Take the environment ${old} from the worker?`
            : `Use the environment ${environment}?`,
        text: `The worker no longer has the variables, secrets and bindings of ${old}, at once. They stay in ${old}.`,
        action: environment === "" ? "Take it away" : "Use it",
      });
      if (!agreed) {
        this.environment.set(old);
        return;
      }
    }
    const done = await this.choosing.run(() =>
      this.#patch({ environment: environment === "" ? null : environment }),
    );
    if (!done) return;
    this.toasts.done(
      environment === "" ? "It has no environment." : `It uses the environment ${environment}.`,
    );
    this.current.reload();
    this.environments.reload();
  }

  protected async remove(): Promise<void> {
    const name = this.current.name();
    const agreed = await this.confirm.ask({
      title: `Delete ${name}?`,
      text: `Gone for good, at once: ${this.goes().join("; ")}.`,
      action: "Delete the worker",
      typed: name,
    });
    if (!agreed) return;
    const done = await this.deleting.run(async () => {
      await this.client.api.DELETE("/v1/workers/{worker}", { params: { path: { worker: name } } });
    });
    if (!done) return;
    this.toasts.done(`${name} is deleted.`);
    await this.router.navigateByUrl("/workers");
  }

  async #patch(body: Change): Promise<void> {
    await this.client.api.PATCH("/v1/workers/{worker}", {
      params: { path: { worker: this.current.name() } },
      body,
    });
  }
}
