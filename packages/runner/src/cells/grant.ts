import type { Caller } from "../bindings/caller.ts";
import type { EgressGrant } from "../egress/cell-egress.ts";

/** All that a cell was granted, by which everything that it asks for is judged. */
export interface Grant extends Caller, EgressGrant {}
