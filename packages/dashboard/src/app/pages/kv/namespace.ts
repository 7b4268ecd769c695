import {
  ChangeDetectionStrategy,
  Component,
  computed,
  inject,
  input,
  linkedSignal,
  signal,
} from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { LucideArrowLeft, LucideSearch } from "@lucide/angular";
import { Api } from "../../api/api.ts";
import { messageOf } from "../../api/failure.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { Confirm } from "../../ui/confirm.ts";
import { Empty } from "../../ui/empty.ts";
import { NameDialog } from "../../ui/name-dialog.ts";
import { Page } from "../../ui/page.ts";
import { Paged } from "../../ui/paged.ts";
import { PagedFoot } from "../../ui/paged-foot.ts";
import { Time } from "../../ui/time.ts";
import { Toasts } from "../../ui/toasts.ts";
import { EntryEditor } from "./entry-editor.ts";
import { Transfer } from "./transfer.ts";

const noun = (count: number) => (count === 1 ? "1 key" : `${count.toLocaleString()} keys`);

/** One namespace: its keys, and what can be done with them. */
@Component({
  selector: "ow-kv-namespace",
  imports: [
    Empty,
    EntryEditor,
    LucideArrowLeft,
    LucideSearch,
    NameDialog,
    Page,
    PagedFoot,
    RouterLink,
    Time,
    Transfer,
  ],
  templateUrl: "./namespace.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Namespace {
  readonly namespace = input.required<string>();
  /** Keys that begin so; part of the address. */
  readonly prefix = input<string>();
  /** The key whose value is open; part of the address. */
  readonly key = input<string>();
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  protected readonly accounts = inject(Accounts);
  private readonly confirm = inject(Confirm);
  private readonly router = inject(Router);
  private readonly toasts = inject(Toasts);
  protected readonly adding = signal(false);
  protected readonly renaming = signal(false);
  protected readonly moving = signal<"import" | "export" | undefined>(undefined);
  protected readonly busy = signal(false);
  protected readonly keys = new Paged(() => {
    const [namespace, prefix, account] = [this.namespace(), this.prefix() ?? "", this.account.query()];
    return (cursor, signal) =>
      this.client.data(
        this.client.api.GET("/v1/kv/{namespace}/keys", {
          params: {
            path: { namespace },
            query: { ...account, prefix, limit: 100, ...(cursor === undefined ? {} : { cursor }) },
          },
          signal,
        }),
      );
  });
  protected readonly chosen = linkedSignal({
    source: () => [this.namespace(), this.prefix()],
    computation: () => new Set<string>(),
  });
  protected readonly allChosen = computed(() => {
    const items = this.keys.items();
    return items.length > 0 && items.every(({ name }) => this.chosen().has(name));
  });

  protected search(prefix: string): void {
    void this.router.navigate([], { queryParams: { prefix: prefix || null }, queryParamsHandling: "merge" });
  }

  protected open(key: string | undefined): void {
    void this.router.navigate([], { queryParams: { key: key ?? null }, queryParamsHandling: "merge" });
  }

  protected choose(name: string, yes: boolean): void {
    this.chosen.update((before) => {
      const after = new Set(before);
      if (yes) after.add(name);
      else after.delete(name);
      return after;
    });
  }

  protected chooseAll(yes: boolean): void {
    this.chosen.set(new Set(yes ? this.keys.items().map(({ name }) => name) : []));
  }

  protected changed(): void {
    this.keys.reload();
  }

  protected shown(metadata: unknown): string {
    return metadata === undefined || metadata === null ? "" : JSON.stringify(metadata);
  }

  protected async deleteChosen(): Promise<void> {
    const names = [...this.chosen()];
    const agreed = await this.confirm.ask({
      title: `Delete ${noun(names.length)}?`,
      text: `Their values are gone at once, for workers too. This cannot be undone.`,
      action: `Delete ${noun(names.length)}`,
    });
    if (!agreed) return;
    this.busy.set(true);
    try {
      for (let from = 0; from < names.length; from += 1_000) {
        await this.client.data(
          this.client.api.POST("/v1/kv/{namespace}/bulk", {
            params: { path: { namespace: this.namespace() }, query: this.account.query() },
            body: { put: [], delete: names.slice(from, from + 1_000) },
          }),
        );
      }
      this.toasts.done(`${noun(names.length)} deleted.`);
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
    }
    this.busy.set(false);
    this.chosen.set(new Set());
    this.keys.reload();
  }

  protected readonly rename = async (name: string): Promise<void> => {
    await this.client.data(
      this.client.api.PATCH("/v1/kv/{namespace}", {
        params: { path: { namespace: this.namespace() }, query: this.account.query() },
        body: { name },
      }),
    );
    this.toasts.done(`It is called ${name} now.`);
    await this.router.navigate(["/kv", name], { replaceUrl: true });
  };

  protected async remove(): Promise<void> {
    const namespace = this.namespace();
    const params = { path: { namespace }, query: this.account.query() };
    try {
      const { items } = await this.client.data(this.client.api.GET("/v1/kv/{namespace}/users", { params }));
      const users = [...new Set(items.map(({ worker }) => worker))];
      const agreed = await this.confirm.ask({
        title: `Delete ${namespace}?`,
        text:
          users.length === 0
            ? "All its keys and values are gone. This cannot be undone."
            : `It is bound by ${users.join(", ")}, and is not deleted while a live version binds it. All its keys and values would be gone.`,
        action: "Delete the namespace",
        typed: namespace,
      });
      if (!agreed) return;
      await this.client.data(this.client.api.DELETE("/v1/kv/{namespace}", { params }));
      this.toasts.done(`${namespace} is deleted.`);
      await this.router.navigate(["/kv"]);
    } catch (thrown) {
      this.toasts.failed(messageOf(thrown));
    }
  }
}
