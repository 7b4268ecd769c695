import { ChangeDetectionStrategy, Component, inject, resource, signal } from "@angular/core";
import { LucidePlus, LucideTrash2 } from "@lucide/angular";
import { ApiError, type components, itemsOf, once } from "@openworkers/client";
import { Api } from "../../../api/api.ts";
import { messageOf } from "../../../api/failure.ts";
import { Confirm } from "../../../ui/confirm.ts";
import { Copy } from "../../../ui/copy.ts";
import { Dialog } from "../../../ui/dialog.ts";
import { Empty } from "../../../ui/empty.ts";
import { Field } from "../../../ui/field.ts";
import { Sending } from "../../../ui/form.ts";
import { Load } from "../../../ui/load.ts";
import { Time } from "../../../ui/time.ts";
import { Toasts } from "../../../ui/toasts.ts";
import { CurrentWorker } from "../../worker/current-worker.ts";
import { Section } from "../section.ts";
import { WorkerRoutes } from "./worker-routes.ts";

type Domain = components["schemas"]["Domain"];

/** Host names of a worker's own, with what proves that they are the reader's; and its routes. */
@Component({
  selector: "ow-worker-domains",
  imports: [Copy, Dialog, Empty, Field, Load, LucidePlus, LucideTrash2, Section, Time, WorkerRoutes],
  templateUrl: "./domains.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Domains {
  protected readonly current = inject(CurrentWorker);
  private readonly client = inject(Api);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);
  protected readonly adding = signal(false);
  protected readonly hostname = signal("");
  protected readonly sending = new Sending();
  /** The host name whose record is looked for now. */
  protected readonly checking = signal<string | undefined>(undefined);
  /** What the last look found, by host name. */
  protected readonly looks = signal<ReadonlyMap<string, string>>(new Map());

  protected readonly domains = resource({
    params: () => this.current.name() || undefined,
    loader: ({ params: worker, abortSignal: signal }) =>
      Array.fromAsync(
        itemsOf<Domain>((query) =>
          this.client.data(
            this.client.api.GET("/v1/workers/{worker}/domains", {
              params: { path: { worker }, query },
              signal,
            }),
          ),
        ),
      ),
  });

  protected ask(): void {
    this.hostname.set("");
    this.sending.failure.set(undefined);
    this.adding.set(true);
  }

  protected async add(): Promise<void> {
    const hostname = this.hostname().trim().toLowerCase();
    const done = await this.sending.run(async () => {
      await this.client.api.POST("/v1/workers/{worker}/domains", {
        params: { path: { worker: this.current.name() } },
        headers: once(),
        body: { hostname },
      });
    });
    if (!done) return;
    this.adding.set(false);
    this.toasts.done(`${hostname} is claimed. Prove that it is yours with the TXT record.`);
    this.domains.reload();
  }

  protected async check({ hostname, worker }: Domain): Promise<void> {
    this.checking.set(hostname);
    try {
      await this.client.api.POST("/v1/domains/{hostname}/verify", {
        params: { path: { hostname }, query: { worker } },
      });
      this.#found(hostname, undefined);
      this.toasts.done(`${hostname} is verified: its requests are routed here.`);
      this.domains.reload();
    } catch (thrown) {
      this.#found(hostname, saidOf(thrown));
    } finally {
      this.checking.set(undefined);
    }
  }

  protected async remove({ hostname, worker, verifiedAt }: Domain): Promise<void> {
    const agreed = await this.confirm.ask({
      title: `Give ${hostname} up?`,
      text:
        verifiedAt === null
          ? "The claim is gone. To claim it again takes a new TXT record."
          : "Requests to it are no longer routed to the worker, and the routes that rest on it are removed. To claim it again takes a new TXT record.",
      action: "Give it up",
      ...(verifiedAt === null ? {} : { typed: hostname }),
    });
    if (!agreed) return;
    try {
      await this.client.api.DELETE("/v1/domains/{hostname}", {
        params: { path: { hostname }, query: { worker } },
      });
      this.toasts.done(`${hostname} is given up.`);
      this.domains.reload();
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
    }
  }

  #found(hostname: string, text: string | undefined): void {
    this.looks.update((looks) => {
      const changed = new Map(looks);
      if (text === undefined) changed.delete(hostname);
      else changed.set(hostname, text);
      return changed;
    });
  }
}

/** What a look for the record found instead. */
function saidOf(thrown: unknown): string {
  const found = thrown instanceof ApiError ? thrown.details?.["found"] : undefined;
  if (!Array.isArray(found)) return messageOf(thrown);
  if (found.length === 0) return "There is no such TXT record yet. DNS may take a while to tell it.";
  return `The record says something else: ${found.join(", ")}`;
}
