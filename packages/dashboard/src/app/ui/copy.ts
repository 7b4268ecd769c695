import { ChangeDetectionStrategy, Component, inject, input, signal } from "@angular/core";
import { LucideCheck, LucideCopy } from "@lucide/angular";
import { Toasts } from "./toasts.ts";

/** A button that copies `text`. */
@Component({
  selector: "ow-copy",
  imports: [LucideCheck, LucideCopy],
  template: `
    <button type="button" class="button button-quiet button-icon button-small" [attr.aria-label]="label()" [title]="label()" (click)="copy()">
      @if (copied()) {
        <svg lucideCheck size="14" class="text-good"></svg>
      } @else {
        <svg lucideCopy size="14"></svg>
      }
    </button>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class Copy {
  readonly text = input.required<string>();
  readonly label = input("Copy");
  protected readonly copied = signal(false);
  private readonly toasts = inject(Toasts);

  protected async copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.text());
    } catch {
      // Browsers refuse it on plain HTTP from another machine.
      this.toasts.failed("The browser does not let this page copy. Select the text and copy it.");
      return;
    }
    this.copied.set(true);
    setTimeout(() => this.copied.set(false), 1_500);
  }
}
