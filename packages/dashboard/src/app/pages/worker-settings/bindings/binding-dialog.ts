import {
  ChangeDetectionStrategy,
  Component,
  computed,
  effect,
  inject,
  input,
  output,
  resource,
  signal,
  untracked,
} from "@angular/core";
import { type components, itemsOf } from "@openworkers/client";
import { Api } from "../../../api/api.ts";
import { messageOf } from "../../../api/failure.ts";
import { Dialog } from "../../../ui/dialog.ts";
import { Field } from "../../../ui/field.ts";
import { Sending } from "../../../ui/form.ts";
import { CurrentWorker } from "../../worker/current-worker.ts";
import { changeFailure } from "../tagged.ts";
import { type BindableKind, bindable, kindOf } from "./kinds.ts";

type EnvironmentBinding = components["schemas"]["EnvironmentBinding"];

/** What the dialog begins with: a binding that is changed, or nothing. */
export interface BindingStart {
  readonly name?: string;
  readonly kind?: string;
  readonly resource?: string | undefined;
}

interface Choice {
  readonly id: string;
  readonly name: string;
}

const namePattern = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const make = "";

/** Binds a name to something that is there, or that is made for it. */
@Component({
  selector: "ow-binding-dialog",
  imports: [Dialog, Field],
  templateUrl: "./binding-dialog.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class BindingDialog {
  readonly start = input.required<BindingStart | undefined>();
  readonly taken = input.required<readonly { readonly name: string; readonly source: string }[]>();
  readonly save = input.required<(name: string, binding: EnvironmentBinding) => Promise<void>>();
  readonly closed = output<void>();
  private readonly client = inject(Api);
  private readonly current = inject(CurrentWorker);
  protected readonly kinds = bindable;
  protected readonly sending = new Sending();
  protected readonly name = signal("");
  protected readonly kind = signal<BindableKind>(firstKind());
  /** Id of what is bound; empty for a new one. */
  protected readonly chosen = signal(make);
  protected readonly newName = signal("");
  protected readonly entrypoint = signal("");
  protected readonly delay = signal("");
  protected readonly nameIssue = signal<string | undefined>(undefined);
  protected readonly madeName = signal<string | undefined>(undefined);
  protected readonly changing = computed(() => this.start()?.name !== undefined);
  protected readonly covers = computed(() => {
    const there = this.taken().find(({ name }) => name === this.name());
    if (there === undefined || this.changing()) return undefined;
    return there.source === "version"
      ? "Goes before the manifest's of that name."
      : "Replaces the binding of that name.";
  });
  protected readonly failure = computed(() => {
    const thrown = this.sending.failure();
    if (thrown === undefined) return undefined;
    const made = this.madeName();
    const kept = made === undefined ? "" : ` ${made} was made, and stays: choose it to try again.`;
    return changeFailure(thrown) + kept;
  });

  protected readonly choices = resource({
    params: () => {
      const account = this.current.worker()?.account;
      return this.start() === undefined || account === undefined
        ? undefined
        : { path: this.kind().path, account };
    },
    loader: ({ params: { path, account }, abortSignal: signal }): Promise<Choice[]> =>
      Array.fromAsync(
        itemsOf<Choice>((page) =>
          this.client.data(
            this.client.api.GET(`/v1/${path}`, { params: { query: { ...page, account } }, signal }),
          ),
        ),
      ),
  });
  protected readonly listFailure = computed(() => {
    const thrown = this.choices.error();
    return thrown === undefined ? undefined : messageOf(thrown);
  });

  constructor() {
    effect(() => {
      const start = this.start();
      if (start === undefined) return;
      untracked(() => {
        this.name.set(start.name ?? "");
        this.kind.set(kindOf(start.kind ?? "") ?? firstKind());
        this.chosen.set(make);
        this.newName.set("");
        this.entrypoint.set("");
        this.delay.set("");
        this.nameIssue.set(undefined);
        this.madeName.set(undefined);
        this.sending.failure.set(undefined);
      });
    });
    // What is bound now, else the first: to make another is a choice of its own where there are some.
    effect(() => {
      if (!this.choices.hasValue()) return;
      const all = this.choices.value();
      const bound = this.start()?.resource;
      untracked(() => {
        if (all.some(({ id }) => id === this.chosen())) return;
        this.chosen.set((all.find(({ name }) => name === bound) ?? all[0])?.id ?? make);
      });
    });
  }

  protected pick(kind: string): void {
    this.kind.set(kindOf(kind) ?? firstKind());
    this.chosen.set(make);
  }

  protected async send(): Promise<void> {
    const name = this.name().trim();
    const fits = namePattern.test(name);
    this.nameIssue.set(fits ? undefined : "Letters, digits and underscores, no digit first.");
    if (!fits) return;
    await this.sending.run(async () => {
      const resource = this.chosen() === make ? await this.#make() : this.chosen();
      await this.save()(name, this.#binding(resource));
    });
  }

  /** @returns its id. @throws ApiError */
  async #make(): Promise<string> {
    const account = this.current.worker()?.account;
    const { path } = this.kind();
    if (path === "workers") throw new Error("Deploy a worker first: none is made here.");
    const made = (await this.client.data(
      this.client.api.POST(`/v1/${path}`, {
        params: { query: account === undefined ? {} : { account } },
        body: { name: this.newName().trim() } as never,
      }),
    )) as Choice;
    this.madeName.set(made.name);
    this.choices.reload();
    this.chosen.set(made.id);
    return made.id;
  }

  #binding(resource: string): EnvironmentBinding {
    const { kind, key } = this.kind();
    const entrypoint = this.entrypoint().trim();
    const delay = Number(this.delay());
    return {
      kind,
      [key]: resource,
      ...(kind === "worker" && entrypoint !== "" ? { entrypoint } : {}),
      ...(kind === "queue" && delay > 0 ? { deliveryDelay: delay } : {}),
    } as EnvironmentBinding;
  }
}

function firstKind(): BindableKind {
  const [first] = bindable;
  if (first === undefined) throw new Error("nothing can be bound");
  return first;
}
