import {
  ChangeDetectionStrategy,
  Component,
  computed,
  type ElementRef,
  inject,
  signal,
  viewChild,
} from "@angular/core";
import { LucideFileCode, LucidePencil, LucidePlus, LucideTrash2 } from "@lucide/angular";
import { Confirm } from "../../ui/confirm.ts";
import { Workspace } from "./workspace.ts";

/** The worker's modules: one looks at them, adds, renames and deletes. */
@Component({
  selector: "ow-module-list",
  imports: [LucideFileCode, LucidePencil, LucidePlus, LucideTrash2],
  template: `
    <div class="flex h-9 shrink-0 items-center justify-between border-b border-line pr-1 pl-3">
      <h2 class="text-xs font-medium text-muted">Modules</h2>
      <button type="button" class="button button-quiet button-icon button-small" aria-label="Add a module" title="Add a module" (click)="begin(undefined)">
        <svg lucidePlus size="15"></svg>
      </button>
    </div>
    <ul class="min-h-0 grow overflow-y-auto p-1.5">
      @for (module of workspace.modules(); track module.name) {
        <li class="group flex items-center rounded-md" [class.bg-hover]="module.name === workspace.shown()">
          @if (naming() === module.name) {
            <form class="grow p-0.5" (submit)="$event.preventDefault(); commit()">
              <input
                #field
                class="input h-7"
                aria-label="New name"
                spellcheck="false"
                autocomplete="off"
                [value]="name()"
                [attr.aria-invalid]="issue() !== undefined ? true : null"
                [attr.aria-describedby]="issue() !== undefined ? 'module-issue' : null"
                (input)="name.set($any($event.target).value)"
                (keydown.escape)="cancel()"
                (blur)="cancel()"
              />
            </form>
          } @else {
            <button
              type="button"
              class="flex h-8 min-w-0 grow items-center gap-2 px-2 text-left text-[13px]"
              [class.font-medium]="module.name === workspace.shown()"
              [attr.aria-current]="module.name === workspace.shown() ? 'true' : null"
              (click)="workspace.shown.set(module.name)"
            >
              <svg lucideFileCode size="14" class="shrink-0 text-muted"></svg>
              <span class="truncate" [title]="module.name">{{ module.name }}</span>
              @if ($first) {
                <span class="ml-auto text-xs font-normal text-muted">main</span>
              }
            </button>
            <div class="flex shrink-0" [class.opacity-0]="module.name !== workspace.shown()" [class.group-hover:opacity-100]="true" [class.focus-within:opacity-100]="true">
              <button type="button" class="button button-quiet button-icon button-small w-7" [attr.aria-label]="'Rename ' + module.name" title="Rename" (click)="begin(module.name)">
                <svg lucidePencil size="13"></svg>
              </button>
              @if (workspace.modules().length > 1 && !$first) {
                <button type="button" class="button button-quiet button-icon button-small w-7" [attr.aria-label]="'Delete ' + module.name" title="Delete" (click)="remove(module.name)">
                  <svg lucideTrash2 size="13"></svg>
                </button>
              }
            </div>
          }
        </li>
      }
      @if (adding()) {
        <li>
          <form class="p-0.5" (submit)="$event.preventDefault(); commit()">
            <input
              #field
              class="input h-7"
              aria-label="Name of the new module"
              placeholder="lib/text.ts"
              spellcheck="false"
              autocomplete="off"
              [value]="name()"
              [attr.aria-invalid]="issue() !== undefined ? true : null"
              [attr.aria-describedby]="issue() !== undefined ? 'module-issue' : null"
              (input)="name.set($any($event.target).value)"
              (keydown.escape)="cancel()"
              (blur)="cancel()"
            />
          </form>
        </li>
      }
    </ul>
    @if (issue(); as text) {
      <p id="module-issue" class="hint m-0 px-3 pb-2 text-bad" role="alert">{{ text }}</p>
    }
  `,
  host: { class: "flex min-h-0 flex-col" },
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class ModuleList {
  protected readonly workspace = inject(Workspace);
  protected readonly adding = signal(false);
  /** The module that is given another name. */
  protected readonly naming = signal<string | undefined>(undefined);
  protected readonly name = signal("");
  /** Told once Enter was pressed: a name that is being typed is wrong until it is finished. */
  private readonly tried = signal(false);
  protected readonly issue = computed(() =>
    this.tried() && (this.adding() || this.naming() !== undefined)
      ? this.workspace.issue(this.name().trim(), this.naming())
      : undefined,
  );
  private readonly confirm = inject(Confirm);
  private readonly field = viewChild<ElementRef<HTMLInputElement>>("field");

  protected begin(module: string | undefined): void {
    this.tried.set(false);
    this.naming.set(module);
    this.adding.set(module === undefined);
    this.name.set(module ?? "");
    queueMicrotask(() => setTimeout(() => this.field()?.nativeElement.select()));
  }

  protected cancel(): void {
    this.adding.set(false);
    this.naming.set(undefined);
  }

  protected commit(): void {
    this.tried.set(true);
    const [from, name] = [this.naming(), this.name().trim()];
    if (from !== name && this.workspace.issue(name, from) !== undefined) return;
    if (from === undefined) this.workspace.add(name);
    else if (from !== name) this.workspace.rename(from, name);
    this.cancel();
  }

  protected async remove(name: string): Promise<void> {
    const yes = await this.confirm.ask({
      title: `Delete ${name}?`,
      text: "It is gone from what you edit. What is deployed has it until you deploy.",
      action: "Delete",
    });
    if (yes) this.workspace.remove(name);
  }
}
