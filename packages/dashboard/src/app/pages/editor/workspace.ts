import { computed, Injectable, signal } from "@angular/core";
import { compiledName, nameIssue, type SourceModule } from "../../editor/modules.ts";
import type { Opened } from "./open-version.ts";

/** A new worker's only module. */
const first: SourceModule = {
  name: "index.ts",
  content: `export default {
  async fetch(request, env, ctx): Promise<Response> {
    return new Response("Hello");
  },
} satisfies ExportedHandler<Env>;
`,
};

/** The modules that are edited, and what they were. */
@Injectable()
export class Workspace {
  readonly modules = signal<readonly SourceModule[]>([]);
  /** Name of the module that is looked at. */
  readonly shown = signal("");
  /** The version that they were made from; undefined for a worker without one. */
  readonly opened = signal<Opened | undefined>(undefined);
  /** Number of the version that a deploy is on top of. */
  readonly base = signal<number | undefined>(undefined);
  readonly #clean = signal<readonly SourceModule[]>([]);
  readonly current = computed(() => this.modules().find(({ name }) => name === this.shown()));
  readonly dirty = computed(() => !same(this.modules(), this.#clean()));

  /** Begins with a version's modules, or those of a new worker; `draft` is what somebody has made of them already. */
  begin(opened: Opened | undefined, base: number | undefined, draft?: readonly SourceModule[]): void {
    const modules = opened?.modules ?? [first];
    this.opened.set(opened);
    this.base.set(base);
    this.#clean.set(opened === undefined ? [] : modules);
    this.modules.set(draft ?? modules);
    this.shown.update((shown) =>
      this.modules().some(({ name }) => name === shown) ? shown : (this.modules()[0]?.name ?? ""),
    );
  }

  /** What was deployed just now, as version `number`. */
  deployed(modules: readonly SourceModule[], number: number): void {
    this.base.set(number);
    this.#clean.set(modules);
  }

  edit(name: string, text: string): void {
    this.modules.update((modules) =>
      modules.map((module) => (module.name === name ? { ...module, content: text } : module)),
    );
  }

  /** What is wrong with the name for a new module, or for `instead`. */
  issue(name: string, instead?: string): string | undefined {
    const others = this.modules().flatMap((module) => (module.name === instead ? [] : [module.name]));
    return nameIssue(name, others, instead);
  }

  add(name: string): void {
    const content = name.endsWith(".json") ? "{}\n" : "";
    this.modules.update((modules) => [...modules, { name, content }]);
    this.shown.set(name);
  }

  rename(from: string, to: string): void {
    // By its new name it may be something else.
    this.modules.update((modules) =>
      modules.map((module) => (module.name === from ? { name: to, content: module.content } : module)),
    );
    this.shown.update((shown) => (shown === from ? to : shown));
  }

  remove(name: string): void {
    this.modules.update((modules) => modules.filter((module) => module.name !== name));
    this.shown.update((shown) => (shown === name ? (this.modules()[0]?.name ?? "") : shown));
  }

  /** The module that a place in a stack or in a message means. */
  named(file: string): string | undefined {
    return this.modules().find(({ name }) => name === file || compiledName(name) === file)?.name;
  }
}

function same(one: readonly SourceModule[], other: readonly SourceModule[]): boolean {
  return (
    one.length === other.length &&
    one.every(({ name, content }, index) => {
      const before = other[index];
      return before?.name === name && before.content === content;
    })
  );
}
