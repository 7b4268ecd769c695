import { ChangeDetectionStrategy, Component, inject, resource, signal } from "@angular/core";
import { RouterLink } from "@angular/router";
import { LucidePencil, LucidePlus, LucideTrash2 } from "@lucide/angular";
import type { components } from "@openworkers/client";
import { Api } from "../../../api/api.ts";
import { Confirm } from "../../../ui/confirm.ts";
import { Empty } from "../../../ui/empty.ts";
import { Load } from "../../../ui/load.ts";
import { Toasts } from "../../../ui/toasts.ts";
import { CurrentWorker } from "../../worker/current-worker.ts";
import { Section } from "../section.ts";
import { changeFailure, ifMatch, isChanged, tagged } from "../tagged.ts";
import { BindingDialog, type BindingStart } from "./binding-dialog.ts";
import { kindOf, labelOf } from "./kinds.ts";

type Binding = components["schemas"]["Binding"];
type EnvironmentBinding = components["schemas"]["EnvironmentBinding"];

/** What names on `env` lead to: bound by the manifest with a version, or here, in the environment. */
@Component({
  selector: "ow-worker-bindings",
  imports: [BindingDialog, Empty, Load, LucidePencil, LucidePlus, LucideTrash2, RouterLink, Section],
  templateUrl: "./bindings.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Bindings {
  protected readonly current = inject(CurrentWorker);
  private readonly client = inject(Api);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  protected readonly labelOf = labelOf;
  protected readonly editing = signal<BindingStart | undefined>(undefined);

  protected readonly bindings = resource({
    params: () => this.current.name() || undefined,
    loader: ({ params: worker, abortSignal: signal }) =>
      tagged(this.client.api.GET("/v1/workers/{worker}/bindings", { params: { path: { worker } }, signal })),
  });

  /** Where the thing that is bound is seen. */
  protected linkOf({ kind, resource, id }: Binding): readonly string[] | undefined {
    const path = kindOf(kind)?.path;
    if (path === undefined || resource === null) return undefined;
    return [`/${path}`, path === "workers" || id === null ? resource : id];
  }

  protected noteOf({ kind, entrypoint, settings }: Binding): string {
    if (kind === "rate-limit" && settings !== null)
      return `${settings.limit.toLocaleString()} calls in ${settings.periodSeconds} s, counted as ${settings.namespace}`;
    return entrypoint === null ? "" : `entrypoint ${entrypoint}`;
  }

  protected bindable({ kind }: Binding): boolean {
    return kindOf(kind) !== undefined;
  }

  protected edit(binding: Binding): void {
    this.editing.set({ name: binding.name, kind: binding.kind, resource: binding.resource ?? undefined });
  }

  /** @throws ApiError */
  protected readonly save = async (name: string, binding: EnvironmentBinding): Promise<void> => {
    await this.#change({ set: { [name]: binding } });
    this.editing.set(undefined);
    this.toasts.done(`${name} is bound. Running workers have it at once.`);
  };

  protected async remove({ name, kind, resource }: Binding): Promise<void> {
    const agreed = await this.confirm.ask({
      title: `Remove the binding ${name}?`,
      text: `The worker no longer has env.${name}, at once, unless its manifest binds the name too. ${
        resource === null ? "" : `${labelOf(kind)} ${resource} stays, with all that is in it.`
      }`,
      action: "Remove",
    });
    if (!agreed) return;
    try {
      await this.#change({ unset: [name] });
      this.toasts.done(`${name} is removed.`);
    } catch (thrown) {
      this.toasts.failed(changeFailure(thrown));
    }
  }

  async #change(body: {
    readonly set?: Record<string, EnvironmentBinding>;
    readonly unset?: string[];
  }): Promise<void> {
    if (!this.bindings.hasValue()) return;
    try {
      await this.client.api.PATCH("/v1/workers/{worker}/bindings", {
        params: { path: { worker: this.current.name() } },
        headers: ifMatch(this.bindings.value()),
        body,
      });
    } catch (thrown) {
      if (isChanged(thrown)) this.bindings.reload();
      throw thrown;
    }
    this.bindings.reload();
    if (this.current.worker()?.environment == null) this.current.reload();
  }
}
