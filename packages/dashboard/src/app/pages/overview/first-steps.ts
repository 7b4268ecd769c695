import { ChangeDetectionStrategy, Component, inject } from "@angular/core";
import { RouterLink } from "@angular/router";
import { Accounts } from "../../session/accounts.ts";
import { Copy } from "../../ui/copy.ts";

/** What an account without workers shows: the two ways to a first one. */
@Component({
  selector: "ow-first-steps",
  imports: [Copy, RouterLink],
  template: `
    <div class="card grid gap-x-10 gap-y-8 p-6 sm:p-8 lg:grid-cols-2">
      <section>
        <h2 class="text-base font-semibold">Make your first worker</h2>
        <p class="mt-1 text-muted">
          A worker is a few lines that answer requests at an address of their own. Begin with a template and edit it here.
        </p>
        @if (accounts.mayWrite()) {
          <a class="button button-primary mt-4 h-9" routerLink="/workers/new">Create a worker</a>
        } @else {
          <p class="mt-4 text-muted">You may look around in this account; making workers takes the role of a developer.</p>
        }
      </section>
      <section>
        <h2 class="text-base font-semibold">Or from your own machine</h2>
        <p class="mt-1 text-muted">With the command line tool, in the folder of your project:</p>
        <ol class="mt-4 flex flex-col gap-2">
          @for (command of commands; track command) {
            <li class="flex items-center gap-2 rounded-md bg-sunken py-1 pr-1 pl-3">
              <code class="min-w-0 grow overflow-x-auto font-mono text-[13px] whitespace-nowrap">{{ command }}</code>
              <ow-copy [text]="command" [label]="'Copy “' + command + '”'" />
            </li>
          }
        </ol>
      </section>
    </div>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class FirstSteps {
  protected readonly accounts = inject(Accounts);
  protected readonly commands = [
    `npx ow login ${location.origin}`,
    "npx ow init hello",
    "npx ow deploy hello",
  ];
}
