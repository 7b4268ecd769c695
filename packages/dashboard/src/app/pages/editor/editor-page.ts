import {
  ChangeDetectionStrategy,
  Component,
  computed,
  DestroyRef,
  effect,
  inject,
  input,
  resource,
  signal,
  untracked,
  viewChild,
} from "@angular/core";
import { LucideRocket, LucideTriangleAlert } from "@lucide/angular";
import { ApiError } from "@openworkers/client";
import { Api } from "../../api/api.ts";
import { codeOf, messageOf } from "../../api/failure.ts";
import { type AmbientTypes, CodeEditor, type CodeFile } from "../../editor/code-editor.ts";
import { CompileFailed, deploy, newCompatibilityDate } from "../../editor/deploy.ts";
import type { SourceModule } from "../../editor/modules.ts";
import { type Problem, problemOfStack } from "../../editor/problem.ts";
import { Load } from "../../ui/load.ts";
import { Time } from "../../ui/time.ts";
import { Toasts } from "../../ui/toasts.ts";
import { CurrentWorker } from "../worker/current-worker.ts";
import { BinaryModule } from "./binary-module.ts";
import { DraftKeeper } from "./draft-keeper.ts";
import { envTypes, fileTypesOf, readEnvNames, runtimeTypes } from "./env-types.ts";
import { ModuleList } from "./module-list.ts";
import { openVersion } from "./open-version.ts";
import { PreviewPane } from "./preview-pane.ts";
import { ProblemList } from "./problem-list.ts";
import { Workspace } from "./workspace.ts";

const panes = [
  { id: "modules", name: "Modules" },
  { id: "code", name: "Code" },
  { id: "preview", name: "Preview" },
] as const;

/** `/workers/:worker/editor`: writes a worker's modules, deploys them, and tries requests on what is live. */
@Component({
  selector: "ow-editor-page",
  imports: [
    BinaryModule,
    CodeEditor,
    Load,
    LucideRocket,
    LucideTriangleAlert,
    ModuleList,
    PreviewPane,
    ProblemList,
    Time,
  ],
  providers: [Workspace, DraftKeeper],
  templateUrl: "./editor-page.html",
  host: { class: "flex min-h-0 grow flex-col", "(document:keydown)": "key($event)" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class EditorPage {
  /** Of the address: opens the modules of this version, instead of the live one's. */
  readonly version = input<string>();
  protected readonly workspace = inject(Workspace);
  protected readonly current = inject(CurrentWorker);
  protected readonly panes = panes;
  /** What narrow screens show; wide ones show all three. */
  protected readonly pane = signal<(typeof panes)[number]["id"]>("code");
  protected readonly message = signal("");
  protected readonly step = signal<"compile" | "deploy" | undefined>(undefined);
  protected readonly failure = signal<string | undefined>(undefined);
  /** The last deploy was stopped by its types alone. */
  protected readonly typesOnly = signal(false);
  /** Versions that others have made live meanwhile. */
  protected readonly conflict = signal<readonly number[]>([]);
  protected readonly done = signal<{ readonly version: number; readonly at: number } | undefined>(undefined);
  /** Shows what is compiled, although the sources are there. */
  protected readonly compiled = signal(false);
  /** What the last deploy found, besides the types. */
  protected readonly found = signal<readonly Problem[]>([]);
  protected readonly marked = signal<readonly Problem[]>([]);
  private readonly client = inject(Api);
  private readonly toasts = inject(Toasts);
  private readonly keeper = inject(DraftKeeper);
  private readonly code = viewChild(CodeEditor);

  protected readonly start = resource({
    params: () => ({
      worker: this.current.name(),
      version: Number(this.version()) || undefined,
      compiled: this.compiled(),
    }),
    loader: async ({ params: { worker, version, compiled }, abortSignal: signal }) => {
      // Anew: what the frame has read may be older than the last deploy.
      const shown = await this.client.data(
        this.client.api.GET("/v1/workers/{worker}", { params: { path: { worker } }, signal }),
      );
      const live = shown.live[0]?.version;
      const wanted = version ?? live;
      const [opened, env, draft, runtime] = await Promise.all([
        wanted === undefined
          ? undefined
          : openVersion(this.client, { worker, version: wanted, compiled, signal }),
        readEnvNames(this.client, worker, signal),
        this.keeper.read(shown.id),
        runtimeTypes(),
      ]);
      return {
        worker: shown,
        live,
        opened,
        env,
        draft: compiled || version !== undefined ? undefined : draft,
        runtime,
      };
    },
  });
  protected readonly types = computed(
    (): readonly AmbientTypes[] => {
      if (!this.start.hasValue()) return [];
      const { runtime, opened, env } = this.start.value();
      const named = [envTypes(opened?.version, env), fileTypesOf(this.workspace.modules())];
      return [...runtime, ...named];
    },
    {
      equal: (one, other) =>
        one.length === other.length && one.every(({ text }, index) => text === other[index]?.text),
    },
  );
  protected readonly files = computed((): readonly CodeFile[] =>
    this.workspace
      .modules()
      .flatMap(({ name, content }) => (typeof content === "string" ? [{ name, text: content }] : [])),
  );
  protected readonly problems = computed(() => {
    const seen = new Set<string>();
    return [...this.found(), ...this.marked()].filter(({ file, line, column, message }) => {
      const key = JSON.stringify([file, line, column, message]);
      return !seen.has(key) && seen.add(key);
    });
  });
  protected readonly errors = computed(
    () => this.problems().filter(({ severity }) => severity === "error").length,
  );

  constructor() {
    effect(() => {
      if (!this.start.hasValue()) return;
      const { worker, live, opened, draft } = this.start.value();
      untracked(() => {
        this.workspace.begin(opened, draft === undefined ? live : draft.base, draft?.modules);
        this.conflict.set(draft !== undefined && live !== undefined && draft.base !== live ? [live] : []);
        this.keeper.keep(worker.id, draft !== undefined);
      });
    });
    inject(DestroyRef).onDestroy(() => {
      if (this.workspace.dirty()) this.toasts.done("Your changes are not deployed. This browser keeps them.");
    });
  }

  protected isText({ content }: SourceModule): boolean {
    return typeof content === "string";
  }

  protected key(event: KeyboardEvent): void {
    if (event.defaultPrevented || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s")
      return;
    event.preventDefault();
    void this.deploy();
  }

  protected edited({ name, text }: CodeFile): void {
    this.workspace.edit(name, text);
    this.found.set([]);
    this.failure.set(undefined);
    this.typesOnly.set(false);
  }

  protected go(problem: Problem): void {
    this.workspace.shown.set(problem.file);
    this.pane.set("code");
    // Once the editor shows the file.
    setTimeout(() => this.code()?.reveal(problem));
  }

  protected async discard(): Promise<void> {
    await this.keeper.forget();
    this.done.set(undefined);
    this.start.reload();
  }

  /** Goes on from what others have deployed, with the modules as they are here. */
  protected async overwrite(): Promise<void> {
    const [live] = this.conflict();
    this.workspace.base.set(live);
    this.conflict.set([]);
    await this.deploy();
  }

  protected async deploy(despiteTypes = false): Promise<void> {
    if (this.step() !== undefined || !this.start.hasValue() || !this.current.mayWrite()) return;
    const [modules, base] = [this.workspace.modules(), this.workspace.base()];
    const { version } = this.workspace.opened() ?? {};
    const message = this.message().trim();
    this.failure.set(undefined);
    this.typesOnly.set(false);
    this.found.set([]);
    try {
      const deployed = await deploy(this.client, this.current.name(), modules, {
        compatibilityDate: version?.compatibilityDate ?? newCompatibilityDate,
        compatibilityFlags: version?.compatibilityFlags ?? [],
        metadata: { ...(base === undefined ? {} : { base }), ...(message === "" ? {} : { message }) },
        despiteTypes,
        onStep: (step) => this.step.set(step),
      });
      this.workspace.deployed(modules, deployed.version);
      this.message.set("");
      this.conflict.set([]);
      this.done.set({ version: deployed.version, at: Date.now() });
      this.toasts.done(
        `Version ${deployed.version} is live. It started in ${Math.round(deployed.startMs)} ms.`,
      );
      this.current.reload();
    } catch (thrown) {
      this.#failed(thrown);
    } finally {
      this.step.set(undefined);
    }
  }

  #failed(thrown: unknown): void {
    if (thrown instanceof CompileFailed) {
      this.found.set(thrown.problems);
      this.typesOnly.set(thrown.onlyTypes);
      return;
    }
    const live = thrown instanceof ApiError ? thrown.details?.["live"] : undefined;
    if (codeOf(thrown) === "CONFLICT" && Array.isArray(live)) {
      this.conflict.set(live.filter((number) => typeof number === "number"));
      return;
    }
    this.failure.set(messageOf(thrown));
    const stack = thrown instanceof ApiError ? thrown.details?.["stack"] : undefined;
    const names = this.workspace.modules().map(({ name }) => name);
    const problem = typeof stack === "string" ? problemOfStack(stack, names) : undefined;
    if (problem === undefined) return;
    this.found.set([problem]);
    this.go(problem);
  }
}
