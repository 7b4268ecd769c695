import {
  ChangeDetectionStrategy,
  Component,
  computed,
  effect,
  inject,
  resource,
  signal,
} from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { Api } from "../../../api/api.ts";
import { codeOf, messageOf } from "../../../api/failure.ts";
import { Copy } from "../../../ui/copy.ts";
import { Field } from "../../../ui/field.ts";
import { fieldsOf, Sending } from "../../../ui/form.ts";
import { Load } from "../../../ui/load.ts";
import { Time } from "../../../ui/time.ts";
import { Toasts } from "../../../ui/toasts.ts";
import { Deletions } from "../list/deletions.ts";
import { Size } from "../size.ts";
import type { Database, Limits } from "../types.ts";
import { type LimitField, limitFields, readLimit, showLimit } from "./limits.ts";
import { OneDatabase } from "./one-database.ts";

@Component({
  selector: "ow-database-settings",
  imports: [Copy, Field, Load, RouterLink, Size, Time],
  templateUrl: "./settings.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Settings {
  protected readonly of = inject(OneDatabase);
  protected readonly renaming = new Sending();
  protected readonly limiting = new Sending();
  protected readonly fields = limitFields;
  /** What the fields say, by limit. */
  protected readonly texts = signal<Readonly<Partial<Record<keyof Limits, string>>>>({});
  private readonly client = inject(Api);
  private readonly router = inject(Router);
  private readonly toasts = inject(Toasts);
  private readonly deletions = inject(Deletions);
  protected readonly users = resource({
    params: () => (this.of.name() === "" ? undefined : this.of.at),
    loader: async ({ params, abortSignal: signal }) =>
      (await this.client.data(this.client.api.GET("/v1/databases/{database}/users", { params, signal })))
        .items,
  });
  /** Limits that are to be others. */
  protected readonly changed = computed(() => {
    const limits = this.of.known()?.limits;
    if (limits === undefined) return {};
    const wanted = limitFields.flatMap((field) => {
      const text = this.texts()[field.name];
      const value = text === undefined ? undefined : readLimit(field, text);
      return value === undefined || value === limits[field.name] ? [] : [[field.name, value] as const];
    });
    return Object.fromEntries(wanted) as Partial<Limits>;
  });
  protected readonly isChanged = computed(() => Object.keys(this.changed()).length > 0);
  protected readonly isBound = computed(() => this.users.hasValue() && this.users.value().length > 0);

  constructor() {
    let shown: string | undefined;
    effect(() => {
      const id = this.of.known()?.id;
      if (id !== shown) this.texts.set({});
      shown = id;
    });
  }

  protected textOf(field: LimitField, { limits }: Database): string {
    return this.texts()[field.name] ?? showLimit(field, limits[field.name]);
  }

  protected set(field: LimitField, text: string): void {
    this.texts.update((texts) => ({ ...texts, [field.name]: text }));
  }

  protected issueOf(field: LimitField): string | undefined {
    const text = this.texts()[field.name];
    if (text !== undefined && readLimit(field, text) === undefined) return "Not a number.";
    return this.limiting.issue(`limits.${field.name}`);
  }

  protected async rename(event: Event): Promise<void> {
    const { name = "" } = fieldsOf(event);
    await this.renaming.run(async () => {
      const { query } = this.of.at;
      const database = this.of.known()?.id ?? this.of.name();
      const renamed = await this.client.data(
        this.client.api.PATCH("/v1/databases/{database}", {
          params: { path: { database }, query },
          body: { name },
        }),
      );
      this.toasts.done(`It is called ${renamed.name} now. What is bound stays bound.`);
      await this.router.navigate(["/databases", renamed.name, "settings"]);
    });
  }

  protected async limit(): Promise<void> {
    await this.limiting.run(async () => {
      const before = this.of.known()?.limits;
      for (let tries = 1; ; tries++) {
        const { data: now, response } = await this.client.api.GET("/v1/databases/{database}", {
          params: this.of.at,
        });
        if (now === undefined || JSON.stringify(now.limits) !== JSON.stringify(before)) {
          this.of.details.reload();
          throw new Error(
            "Its limits were changed meanwhile. They are shown as they are now: look, and save again.",
          );
        }
        try {
          const made = await this.client.data(
            this.client.api.PATCH("/v1/databases/{database}", {
              params: { ...this.of.at, header: { "if-match": response.headers.get("etag") ?? "" } },
              body: { limits: this.changed() },
            }),
          );
          this.texts.set({});
          this.of.details.set(made);
          break;
        } catch (thrown) {
          // Its size counts as a change as well, and is measured all the time.
          if (codeOf(thrown) !== "PRECONDITION_FAILED" || tries === 3) throw thrown;
        }
      }
      this.toasts.done("The limits are in force for new sessions.");
    });
  }

  protected async delete(database: Database): Promise<void> {
    try {
      if (await this.deletions.delete(database)) await this.router.navigate(["/databases"]);
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
    }
  }
}
