import { Output } from "../output/output.ts";

/** Keeps what a person would be warned of; nothing reaches stdout, which is the protocol's. */
export class CollectedOutput extends Output {
  readonly warnings: string[] = [];

  constructor() {
    super({ json: true });
  }

  override result(): void {}

  override line(): void {}

  override announce(): void {}

  override warn(text: string): void {
    this.warnings.push(text);
  }
}
