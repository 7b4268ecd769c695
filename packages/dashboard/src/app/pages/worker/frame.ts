import { ChangeDetectionStrategy, Component, computed, effect, inject, input } from "@angular/core";
import { Title } from "@angular/platform-browser";
import {
  type IsActiveMatchOptions,
  Router,
  RouterLink,
  RouterLinkActive,
  RouterOutlet,
} from "@angular/router";
import { LucideExternalLink } from "@lucide/angular";
import { codeOf } from "../../api/failure.ts";
import { Copy } from "../../ui/copy.ts";
import { Empty } from "../../ui/empty.ts";
import { Load } from "../../ui/load.ts";
import { CurrentWorker } from "./current-worker.ts";

const tabs = [
  { name: "Overview", path: "." },
  { name: "Editor", path: "editor" },
  { name: "Deployments", path: "deployments" },
  { name: "Logs", path: "logs" },
  { name: "Settings", path: "settings" },
] as const;

/** The first tab is the worker's own address, whatever range it shows. */
const itself: IsActiveMatchOptions = {
  paths: "exact",
  queryParams: "ignored",
  matrixParams: "ignored",
  fragment: "ignored",
};

/**
 * What is round every page of a worker: its name, address and state, and the tabs. A tab's route with `data: { wide: true }`
 * has the whole width and the rest of the screen's height.
 */
@Component({
  selector: "ow-worker-frame",
  imports: [Copy, Empty, Load, LucideExternalLink, RouterLink, RouterLinkActive, RouterOutlet],
  providers: [CurrentWorker],
  templateUrl: "./frame.html",
  host: {
    class: "flex min-h-0 flex-col",
    "[class.h-[calc(100dvh-3rem)]]": "wide()",
    "[class.lg:h-dvh]": "wide()",
  },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class WorkerFrame {
  /** Of the route: the worker's name. */
  readonly worker = input.required<string>();
  protected readonly current = inject(CurrentWorker);
  protected readonly tabs = tabs;
  protected readonly itself = itself;
  private readonly router = inject(Router);
  /** The tab's path below the worker's, in the address. */
  private readonly tab = computed(() => {
    const [path = ""] = (this.router.lastSuccessfulNavigation()?.finalUrl?.toString() ?? "").split(/[?#]/);
    return path.split("/")[3] ?? "";
  });
  protected readonly wide = computed(() => ["editor", "logs"].includes(this.tab()));
  protected readonly missing = computed(() => codeOf(this.current.resource.error()) === "NOT_FOUND");

  constructor() {
    const title = inject(Title);
    effect(() => this.current.name.set(this.worker()));
    effect(() => {
      const { name } = tabs.find(({ path }) => path === this.tab()) ?? tabs[0];
      title.setTitle(`${name} · ${this.worker()} · OpenWorkers`);
    });
  }
}
