import type { Binding } from "@openworkers/core";
import type { ByteMeter } from "../cells/byte-meter.ts";
import type { Target } from "../cells/target.ts";

/** The cell that asks. The runner knows it by the socket that it asks on, never by what it says. */
export interface Caller {
  readonly target: Target;
  /** All that the cell was granted, by the name on `env`. */
  readonly bindings: ReadonlyMap<string, Binding>;
  /** Told of the bytes that pass, where they pass. */
  readonly meter: ByteMeter;
}
