import {
  ChangeDetectionStrategy,
  Component,
  computed,
  inject,
  linkedSignal,
  resource,
  signal,
} from "@angular/core";
import { Router, RouterLink } from "@angular/router";
import { parseWorkerName, reservedNames } from "@openworkers/core/worker-name";
import { Api } from "../../api/api.ts";
import { codeOf } from "../../api/failure.ts";
import { deploy } from "../../editor/deploy.ts";
import { Account } from "../../session/account.ts";
import { Accounts } from "../../session/accounts.ts";
import { Empty } from "../../ui/empty.ts";
import { Field } from "../../ui/field.ts";
import { Sending } from "../../ui/form.ts";
import { Page } from "../../ui/page.ts";
import { Toasts } from "../../ui/toasts.ts";
import { type Template, templates } from "./templates.ts";

const typingMs = 250;
const steps = { compile: "Compiling…", deploy: "Starting it in a throw-away cell…" } as const;

/** `/workers/new`: a worker from a template, deployed at once; then the editor. */
@Component({
  selector: "ow-create-worker",
  imports: [Empty, Field, Page, RouterLink],
  templateUrl: "./create.html",
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class CreateWorker {
  protected readonly templates = templates;
  protected readonly accounts = inject(Accounts);
  protected readonly sending = new Sending();
  protected readonly step = signal<keyof typeof steps | undefined>(undefined);
  protected readonly doing = computed(() => {
    const step = this.step();
    return step === undefined ? undefined : steps[step];
  });
  private readonly client = inject(Api);
  private readonly account = inject(Account);
  private readonly router = inject(Router);
  private readonly toasts = inject(Toasts);
  protected readonly template = signal<Template>(templates[0] as Template);
  /** The template's until somebody types another. */
  protected readonly name = linkedSignal<string, string>({
    source: () => this.template().id,
    computation: (id, previous) =>
      previous === undefined || previous.value === previous.source ? id : previous.value,
  });
  private readonly nameIssue = computed(() => issueOfName(this.name().trim()));
  private readonly taken = resource({
    params: () => (this.nameIssue() === undefined ? this.name().trim() : undefined),
    loader: async ({ params: worker, abortSignal }) => {
      await pause(typingMs, abortSignal);
      const params = { path: { worker } };
      try {
        await this.client.data(this.client.api.GET("/v1/workers/{worker}", { params, signal: abortSignal }));
        return true;
      } catch (thrown) {
        // Whoever else's it may be, the API says when it is to be made.
        if (codeOf(thrown) === "NOT_FOUND") return false;
        throw thrown;
      }
    },
  });
  protected readonly issue = computed(() => {
    const wrong = this.nameIssue() ?? this.sending.issue("worker");
    if (wrong !== undefined) return wrong;
    return this.taken.hasValue() && this.taken.value() ? "A worker of yours has that name." : undefined;
  });
  protected readonly address = computed(() => `${this.name().trim() || "name"}.${baseHost()}`);

  protected async create(event: Event): Promise<void> {
    event.preventDefault();
    if (this.issue() !== undefined) return;
    const worker = this.name().trim();
    const { modules, metadata, name } = this.template();
    const done = await this.sending.run(async () => {
      await deploy(this.client, worker, modules, {
        metadata: { ...metadata, ...this.account.query(), message: `Made from the template “${name}”` },
        // `Env` is known to the editor once the worker is there.
        despiteTypes: true,
        onStep: (step) => this.step.set(step),
      });
    });
    this.step.set(undefined);
    if (!done) return;
    this.toasts.done(`${worker} is live.`);
    await this.router.navigate(["/workers", worker, "editor"]);
  }
}

/** Workers answer beside the dashboard, which is at the base domain or at `dashboard.` under it. */
function baseHost(): string {
  return location.host.replace(/^dashboard\./, "");
}

function issueOfName(name: string): string | undefined {
  if (name === "") return "Give it a name.";
  if (reservedNames.has(name)) return "That name is the platform's own.";
  // Its page would be this one.
  if (name === "new") return "That name is a page of the dashboard.";
  try {
    parseWorkerName(name);
    return undefined;
  } catch {
    return "Use 1 to 50 lower-case letters and digits, and between them underscores and single hyphens.";
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    reject(signal.reason);
  });
  return promise;
}
