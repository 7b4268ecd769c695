import {
  ChangeDetectionStrategy,
  Component,
  computed,
  effect,
  inject,
  input,
  output,
  signal,
} from "@angular/core";
import { Api } from "../../api/api.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { Session } from "../../session/session.ts";
import { Copy } from "../../ui/copy.ts";
import { Dialog } from "../../ui/dialog.ts";
import { Field } from "../../ui/field.ts";
import { fieldsOf, Sending } from "../../ui/form.ts";
import {
  covers,
  deployScopes,
  readScopes,
  type Scope,
  type ScopedAction,
  type ScopedResource,
  scopedActions,
  scopedResources,
} from "./scopes.ts";

const dayMs = 86_400_000;

/** Makes an API key, and shows it: its text is told once. */
@Component({
  selector: "ow-new-key",
  imports: [Copy, Dialog, Field],
  templateUrl: "./new-key.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class NewKey {
  readonly open = input.required<boolean>();
  readonly made = output<void>();
  readonly closed = output<void>();
  protected readonly session = inject(Session);
  protected readonly account = inject(Account);
  protected readonly accounts = inject(Accounts);
  protected readonly resources = scopedResources;
  protected readonly actions = scopedActions;
  protected readonly presets: readonly (readonly [string, readonly Scope[]])[] = [
    ["Deploy", deployScopes],
    ["Read only", readScopes],
    ["Everything", ["*"]],
    ["Nothing", []],
  ];
  protected readonly sending = new Sending();
  protected readonly expiry = signal("90");
  protected readonly scopes = signal<ReadonlySet<Scope>>(new Set(deployScopes));
  /** The key's text, once it is there. */
  protected readonly key = signal<string | undefined>(undefined);
  protected readonly today = computed(() => (this.open() ? new Date().toISOString().slice(0, 10) : ""));
  /** Name of the organisation that it is for alone. */
  protected readonly only = signal("");
  protected readonly example = computed(() => {
    const account = this.only() === "" ? "" : `OW_ACCOUNT=${this.only()} `;
    return `OW_API_URL=${location.origin} ${account}OW_TOKEN=${this.key()} ow deploy`;
  });
  private readonly client = inject(Api);

  constructor() {
    effect(() => {
      if (!this.open()) return;
      this.key.set(undefined);
      this.sending.failure.set(undefined);
      this.scopes.set(new Set(deployScopes));
      this.expiry.set("90");
    });
  }

  protected has(resource: ScopedResource, action: ScopedAction): boolean {
    return covers(this.scopes(), resource, action);
  }

  /** Whether it follows from another scope, so that it cannot be taken away by itself. */
  protected follows(resource: ScopedResource, action: ScopedAction): boolean {
    const scopes = this.scopes();
    const without = new Set(scopes);
    without.delete(`${resource}:${action}`);
    return covers(without, resource, action);
  }

  protected toggle(resource: ScopedResource, action: ScopedAction): void {
    const scopes = new Set(this.scopes());
    const scope: Scope = `${resource}:${action}`;
    if (!scopes.delete(scope)) scopes.add(scope);
    this.scopes.set(scopes);
  }

  protected preset(scopes: readonly Scope[]): void {
    this.scopes.set(new Set(scopes));
  }

  protected async send(event: Event): Promise<void> {
    const { name = "", account = "", expiry = "", expiresOn = "" } = fieldsOf(event);
    await this.sending.run(async () => {
      const expiresAt = expiryOf(expiry, expiresOn);
      const made = await this.client.data(
        this.client.api.POST("/v1/keys", {
          params: { query: account === "" ? {} : { account } },
          body: { name, scopes: [...this.scopes()], ...(expiresAt === undefined ? {} : { expiresAt }) },
        }),
      );
      this.only.set(account === this.session.person()?.account ? "" : account);
      this.key.set(made.key);
      this.made.emit();
    });
  }
}

/** When it ends: after so many days, at the end of a day, or never. */
function expiryOf(choice: string, on: string): string | undefined {
  if (choice === "never") return undefined;
  if (choice === "date") return new Date(`${on}T23:59:59`).toISOString();
  return new Date(Date.now() + Number(choice) * dayMs).toISOString();
}
