import {
  afterRenderEffect,
  ChangeDetectionStrategy,
  Component,
  DestroyRef,
  type ElementRef,
  inject,
  input,
  output,
  viewChild,
} from "@angular/core";
import { LucideX } from "@lucide/angular";

const field = "form :is(input, select, textarea):enabled:not([type=hidden])";

/**
 * A modal dialog: the browser's own, which keeps the focus inside, closes with Escape and gives the focus back. The first field
 * of its form has the focus, unless another has `autofocus`.
 * Shown while `open` is true; `closed` says that the reader has left it.
 */
@Component({
  selector: "ow-dialog",
  imports: [LucideX],
  template: `
    <dialog
      #dialog
      class="fixed inset-0 m-auto max-h-[min(90dvh,48rem)] w-[min(92vw,34rem)] overflow-auto rounded-xl border border-line bg-raised p-0 text-text shadow-xl outline-none backdrop:bg-[rgb(0_0_0/45%)]"
      [class.w-[min(96vw,56rem)]]="wide()"
      [attr.aria-label]="title()"
      (close)="closed.emit()"
      (click)="leaveFromBackdrop($event)"
    >
      @if (open()) {
        <div class="p-5">
          <div class="mb-3 flex items-start justify-between gap-4">
            <h2 class="text-base font-semibold">{{ title() }}</h2>
            <button type="button" class="button button-quiet button-icon -mt-1 -mr-1" aria-label="Close" (click)="dialog.close()">
              <svg lucideX size="16"></svg>
            </button>
          </div>
          <ng-content />
        </div>
      }
    </dialog>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Dialog {
  readonly open = input.required<boolean>();
  readonly title = input.required<string>();
  readonly wide = input(false);
  readonly closed = output<void>();
  private readonly dialog = viewChild.required<ElementRef<HTMLDialogElement>>("dialog");

  constructor() {
    // The browser gives the focus back when a dialog is closed, but not when it is taken out of the page.
    let before: Element | null = null;
    inject(DestroyRef).onDestroy(() => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    });
    // Only then is there something in it that can have the focus.
    afterRenderEffect(() => {
      const { nativeElement } = this.dialog();
      if (this.open() === nativeElement.open) return;
      if (this.open()) {
        before = document.activeElement;
        nativeElement.showModal();
        // The browser goes by `autofocus`, and else to what comes first: the button that closes.
        if (nativeElement.querySelector("[autofocus]") === null)
          nativeElement.querySelector<HTMLElement>(field)?.focus();
      } else nativeElement.close();
    });
  }

  protected leaveFromBackdrop(event: MouseEvent): void {
    const { nativeElement } = this.dialog();
    if (event.target === nativeElement) nativeElement.close();
  }
}
