import { addressBlock } from "./address-block.ts";

export interface DoorLimits {
  /** Connections that have not said who they are, in all and from one address. */
  readonly strangers: number;
  readonly strangersPerAddress: number;
}

export const defaultDoorLimits: DoorLimits = { strangers: 1_000, strangersPerAddress: 100 };

/** Counts the connections that nobody has vouched for yet: each costs memory before it has shown a token. */
export class Doorkeeper {
  readonly #limits: DoorLimits;
  readonly #byAddress = new Map<string, number>();
  #count = 0;

  constructor(limits: DoorLimits = defaultDoorLimits) {
    this.#limits = limits;
  }

  get strangers(): number {
    return this.#count;
  }

  /** A place at the door until it is disposed of; undefined when there is none. */
  enter(address: string): Disposable | undefined {
    const block = addressBlock(address);
    const here = this.#byAddress.get(block) ?? 0;
    if (this.#count >= this.#limits.strangers || here >= this.#limits.strangersPerAddress) return undefined;
    this.#count++;
    this.#byAddress.set(block, here + 1);
    let left = false;
    return {
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        this.#count--;
        const rest = (this.#byAddress.get(block) ?? 1) - 1;
        if (rest === 0) this.#byAddress.delete(block);
        else this.#byAddress.set(block, rest);
      },
    };
  }
}
