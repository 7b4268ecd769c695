import type { BindingOf } from "@openworkers/core";
import type { SubrequestBudget } from "../subrequests/budget.ts";
import type { Caller } from "./caller.ts";

/** The cell that calls, as far as its calls go. */
export interface ServiceCaller extends Pick<Caller, "target" | "meter"> {
  readonly budget: SubrequestBudget;
}

/** Takes what cells send to other workers. */
export interface ServiceListener {
  /**
   * Listens on `path`, for the cell of `caller` and nobody else, for what it sends to the worker that it was granted
   * as `binding`.
   */
  listen(path: string, caller: ServiceCaller, binding: BindingOf<"worker">): Disposable;
}

/** Nobody listens: a call ends as one to a worker that is gone. */
export const noServices: ServiceListener = { listen: () => ({ [Symbol.dispose]() {} }) };
