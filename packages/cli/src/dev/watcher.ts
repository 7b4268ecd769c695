import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";

/** An editor writes a file in several steps; a build that starts in between sees half of it. */
const settleMs = 40;

/**
 * Waits for changes in the folders of some files. Folders, not files: an editor that replaces a file would end a
 * watch on it, and a file that does not exist yet can be what a build lacks.
 */
export class Watcher implements Disposable {
  readonly #watchers = new Map<string, FSWatcher>();
  #changed = Promise.withResolvers<void>();
  #settling: ReturnType<typeof setTimeout> | undefined;

  /** Watches the folders of `files` too, and no longer those that are not among them. */
  watchFoldersOf(files: readonly string[]): void {
    const folders = new Set(
      files.map((file) => dirname(file)).filter((folder) => !folder.includes("node_modules")),
    );
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) if (!this.#watchers.has(folder)) this.#watchFolder(folder);
  }

  /** Whether something has changed since the last call, once it has settled; `false` when `signal` aborts the wait. */
  async change(signal: AbortSignal): Promise<boolean> {
    const aborted = Promise.withResolvers<boolean>();
    const stop = () => aborted.resolve(false);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    const changed = await Promise.race([this.#changed.promise.then(() => true), aborted.promise]);
    signal.removeEventListener("abort", stop);
    if (changed) this.#changed = Promise.withResolvers();
    return changed;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#settling);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watchFolder(folder: string): void {
    const watcher = watch(folder, (_event, name) => {
      // Editors' swap and backup files.
      if (name !== null && /^\.#|~$|\.sw[a-z]$|^4913$/.test(name)) return;
      clearTimeout(this.#settling);
      this.#settling = setTimeout(() => this.#changed.resolve(), settleMs);
    });
    watcher.on("error", () => {
      // The folder is gone: so are its files, which the next build will say.
      watcher.close();
      this.#watchers.delete(folder);
      this.#changed.resolve();
    });
    this.#watchers.set(folder, watcher);
  }
}
