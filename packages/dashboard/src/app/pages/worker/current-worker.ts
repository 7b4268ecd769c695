import { computed, Injectable, inject, resource, signal } from "@angular/core";
import type { components } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { Accounts } from "../../session/accounts.ts";

export type Worker = components["schemas"]["Worker"];

/** The worker whose tabs are shown: its frame provides it to all of them. */
@Injectable()
export class CurrentWorker {
  /** As the address has it. */
  readonly name = signal("");
  private readonly client = inject(Api);
  private readonly accounts = inject(Accounts);
  readonly resource = resource({
    params: () => this.name() || undefined,
    loader: ({ params: worker, abortSignal: signal }) =>
      this.client.data(this.client.api.GET("/v1/workers/{worker}", { params: { path: { worker } }, signal })),
  });
  /** Undefined until it has been read, or when it could not be. */
  readonly worker = computed((): Worker | undefined =>
    this.resource.hasValue() ? this.resource.value() : undefined,
  );
  private readonly role = computed(() => this.accounts.roleIn(this.worker()?.account));
  /** Whether the reader may change and deploy it. The API decides; this is for what is offered. */
  readonly mayWrite = computed(() => this.role() !== "viewer");
  readonly mayDelete = computed(() => this.role() === "owner" || this.role() === "admin");

  /** After something of it was changed. */
  reload(): void {
    this.resource.reload();
  }
}

/** Where one version of the worker at `url` answers, live or not. */
export function previewUrl(url: string, version: number): string {
  return url.replace("://", `://${version}--`);
}
