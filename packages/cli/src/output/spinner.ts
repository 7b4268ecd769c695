import colors from "picocolors";

const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const clearLine = "\r\x1b[2K";

/** An animated line on stderr, which must be a terminal. */
export class Spinner implements Disposable {
  readonly #label: string;
  #progress = "";
  readonly #timer: ReturnType<typeof setInterval>;
  #frame = 0;
  #cleared = false;

  constructor(label: string) {
    this.#label = label;
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), 80);
    this.#timer.unref();
  }

  /** Says beside the label how far it is. */
  progress(text: string): void {
    this.#progress = ` ${colors.dim(text)}`;
  }

  /** Takes the line away. Idempotent. */
  clear(): void {
    if (this.#cleared) return;
    this.#cleared = true;
    clearInterval(this.#timer);
    process.stderr.write(clearLine);
  }

  [Symbol.dispose](): void {
    this.clear();
  }

  #draw(): void {
    this.#frame = (this.#frame + 1) % frames.length;
    process.stderr.write(
      `${clearLine}${colors.cyan(frames[this.#frame] ?? "")} ${this.#label}${this.#progress}`,
    );
  }
}
