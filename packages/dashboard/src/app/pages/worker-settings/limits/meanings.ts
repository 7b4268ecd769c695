import type { components } from "@openworkers/client";

export type LimitName = keyof components["schemas"]["Limits"]["worker"];

interface Meaning {
  readonly name: LimitName;
  readonly label: string;
  readonly text: string;
  readonly unit: "ms" | "MiB" | "";
}

/** What each limit bounds, and what happens at it: docs/limits.md in fewer words. */
export const meanings: readonly Meaning[] = [
  {
    name: "cpuMs",
    label: "CPU time",
    text: "Of each request. Beyond it the process is ended, and the client gets 503 cpu-limit.",
    unit: "ms",
  },
  {
    name: "memoryBytes",
    label: "Memory",
    text: "Of a process: heap, buffers and WebAssembly. Beyond it the process is ended, and the client gets 503 memory-limit.",
    unit: "MiB",
  },
  {
    name: "firstByteMs",
    label: "Time to the first byte",
    text: "From a request's arrival to the head of the response; then 504 wall-limit.",
    unit: "ms",
  },
  {
    name: "backgroundMs",
    label: "Background work",
    text: "How long waitUntil may go on after the response.",
    unit: "ms",
  },
  { name: "bodyBytes", label: "Request body", text: "A larger one gets 413.", unit: "MiB" },
  {
    name: "concurrency",
    label: "Requests at a time",
    text: "In one process; more wait in line, or get another process.",
    unit: "",
  },
  { name: "queueLength", label: "Requests in line", text: "More get 503 overloaded.", unit: "" },
  { name: "queueMs", label: "Time in line", text: "Then 503 overloaded.", unit: "ms" },
  {
    name: "subrequests",
    label: "Subrequests",
    text: "Of each request: fetch, calls of bindings and of other workers. One more is an error in the worker.",
    unit: "",
  },
  {
    name: "subrequestConcurrency",
    label: "Subrequests at a time",
    text: "Of each request; more wait in line.",
    unit: "",
  },
];

const mebi = 2 ** 20;

/** As a reader types it. */
export function shownAs(value: number, unit: Meaning["unit"]): string {
  return String(unit === "MiB" ? value / mebi : value);
}

/** As the API takes it; undefined for what is no number. */
export function readAs(text: string, unit: Meaning["unit"]): number | undefined {
  const value = Number(text.trim()) * (unit === "MiB" ? mebi : 1);
  return text.trim() !== "" && Number.isFinite(value) ? Math.round(value) : undefined;
}
