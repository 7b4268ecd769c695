import { ChangeDetectionStrategy, Component, Injectable, inject, signal } from "@angular/core";
import { LucideCircleAlert, LucideCircleCheck, LucideX } from "@lucide/angular";

interface Toast {
  readonly id: number;
  readonly kind: "done" | "failed";
  readonly text: string;
}

const shownMs = { done: 4_000, failed: 12_000 } as const;

/** Short words about what has been done, or could not be. */
@Injectable({ providedIn: "root" })
export class Toasts {
  readonly shown = signal<readonly Toast[]>([]);
  #next = 1;

  done(text: string): void {
    this.#show("done", text);
  }

  failed(text: string): void {
    this.#show("failed", text);
  }

  dismiss(id: number): void {
    this.shown.update((toasts) => toasts.filter((toast) => toast.id !== id));
  }

  #show(kind: Toast["kind"], text: string): void {
    const id = this.#next++;
    this.shown.update((toasts) => [...toasts.slice(-3), { id, kind, text }]);
    setTimeout(() => this.dismiss(id), shownMs[kind]);
  }
}

@Component({
  selector: "ow-toasts",
  imports: [LucideCircleAlert, LucideCircleCheck, LucideX],
  template: `
    <div class="pointer-events-none fixed right-4 bottom-4 z-50 flex w-[min(92vw,24rem)] flex-col gap-2" aria-live="polite">
      @for (toast of toasts.shown(); track toast.id) {
        <div class="card pointer-events-auto flex items-start gap-2.5 bg-raised p-3 shadow-lg" [attr.role]="toast.kind === 'failed' ? 'alert' : 'status'">
          @if (toast.kind === "done") {
            <svg lucideCircleCheck size="16" class="mt-0.5 shrink-0 text-good"></svg>
          } @else {
            <svg lucideCircleAlert size="16" class="mt-0.5 shrink-0 text-bad"></svg>
          }
          <p class="min-w-0 grow break-words">{{ toast.text }}</p>
          <button type="button" class="text-muted hover:text-text" aria-label="Dismiss" (click)="toasts.dismiss(toast.id)">
            <svg lucideX size="14"></svg>
          </button>
        </div>
      }
    </div>
  `,
  changeDetection: ChangeDetectionStrategy.OnPush,
})
export class ToastList {
  protected readonly toasts = inject(Toasts);
}
