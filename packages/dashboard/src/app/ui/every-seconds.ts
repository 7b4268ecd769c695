import { DestroyRef, inject } from "@angular/core";

/** Calls `look` every so often while the page is visible, and when it comes to be. Made where Angular injects. */
export function everySeconds(seconds: number, look: () => void): void {
  const visible = () => {
    if (!document.hidden) look();
  };
  const timer = setInterval(visible, seconds * 1_000);
  document.addEventListener("visibilitychange", visible);
  inject(DestroyRef).onDestroy(() => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", visible);
  });
}
