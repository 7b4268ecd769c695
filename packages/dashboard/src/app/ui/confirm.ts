import { ChangeDetectionStrategy, Component, computed, Injectable, inject, signal } from "@angular/core";
import { Dialog } from "./dialog.ts";

export interface Question {
  readonly title: string;
  /** What will happen, in a sentence or two. */
  readonly text: string;
  /** What the button says: the act itself. */
  readonly action: string;
  /** What has to be typed first, for what cannot be undone. */
  readonly typed?: string;
}

/** Asks before what cannot be undone. */
@Injectable({ providedIn: "root" })
export class Confirm {
  readonly asked = signal<(Question & { readonly answer: (yes: boolean) => void }) | undefined>(undefined);

  /** Resolves to whether the reader agreed. */
  ask(question: Question): Promise<boolean> {
    this.asked()?.answer(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.asked.set({
      ...question,
      answer: (yes) => {
        this.asked.set(undefined);
        resolve(yes);
      },
    });
    return promise;
  }
}

@Component({
  selector: "ow-confirm",
  imports: [Dialog],
  template: `
    <ow-dialog [open]="asked() !== undefined" [title]="asked()?.title ?? ''" (closed)="asked()?.answer(false)">
      @if (asked(); as question) {
        <form (submit)="$event.preventDefault(); agree()">
          <p class="text-muted">{{ question.text }}</p>
          @if (question.typed; as wanted) {
            <label class="mt-4 block">
              <span class="label">Type <span class="code">{{ wanted }}</span> to confirm</span>
              <input
                class="input"
                autocomplete="off"
                spellcheck="false"
                autofocus
                [value]="typed()"
                (input)="typed.set($any($event.target).value)"
              />
            </label>
          }
          <div class="mt-5 flex justify-end gap-2">
            <button type="button" class="button" (click)="question.answer(false)">Cancel</button>
            <button type="submit" class="button button-danger" [disabled]="!ready()">{{ question.action }}</button>
          </div>
        </form>
      }
    </ow-dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class ConfirmDialog {
  protected readonly asked = inject(Confirm).asked;
  protected readonly typed = signal("");
  protected readonly ready = computed(() => {
    const wanted = this.asked()?.typed;
    return wanted === undefined || wanted === this.typed();
  });

  protected agree(): void {
    if (!this.ready()) return;
    this.typed.set("");
    this.asked()?.answer(true);
  }
}
