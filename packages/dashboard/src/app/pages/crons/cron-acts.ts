import { Injectable, inject } from "@angular/core";
import { type components, once } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { messageOf } from "../../api/failure.ts";
import { Confirm } from "../../ui/confirm.ts";
import { Toasts } from "../../ui/toasts.ts";

export type Cron = components["schemas"]["Cron"];
export type ScheduledEvent = components["schemas"]["ScheduledEvent"];

const path = (cron: Cron) => ({ path: { worker: cron.worker, cron: cron.id } });

/** What people do with a cron; each says how it went. */
@Injectable({ providedIn: "root" })
export class CronActs {
  private readonly client = inject(Api);
  private readonly confirm = inject(Confirm);
  private readonly toasts = inject(Toasts);

  /** The event of the run; undefined when it was refused. */
  async run(cron: Cron): Promise<ScheduledEvent | undefined> {
    return await this.#tried(async () => {
      const params = { ...path(cron), header: once() };
      const event = await this.client.data(
        this.client.api.POST("/v1/workers/{worker}/crons/{cron}/run", { params }),
      );
      this.toasts.done(`${cron.worker} is called now, as for ${cron.expression}.`);
      return event;
    });
  }

  /** The cron as it is then; undefined when it was refused. */
  async pause(cron: Cron, paused: boolean): Promise<Cron | undefined> {
    return await this.#tried(async () => {
      const changed = await this.client.data(
        this.client.api.PATCH("/v1/workers/{worker}/crons/{cron}", { params: path(cron), body: { paused } }),
      );
      this.toasts.done(paused ? "Paused: it is not due until it goes on." : "It goes on.");
      return changed;
    });
  }

  /** Whether it is gone. */
  async remove(cron: Cron): Promise<boolean> {
    const fromManifest =
      cron.source === "manifest"
        ? " Its manifest names it: the next deploy brings it back. Pause it to keep it from running."
        : "";
    const agreed = await this.confirm.ask({
      title: `Delete ${cron.expression}?`,
      text: `${cron.worker} is no longer called at these times. What has run stays in its history.${fromManifest}`,
      action: "Delete the cron",
    });
    if (!agreed) return false;
    const done = await this.#tried(async () => {
      await this.client.api.DELETE("/v1/workers/{worker}/crons/{cron}", { params: path(cron) });
      this.toasts.done(`${cron.expression} of ${cron.worker} is deleted.`);
      return true;
    });
    return done === true;
  }

  async #tried<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
      return undefined;
    }
  }
}
