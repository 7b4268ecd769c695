import { readFileSync } from "node:fs";
import type { Limits, Module } from "@openworkers/core";
import type { Program } from "../target.ts";

export interface PreludeOptions {
  /** How long `waitUntil` work may go on. */
  readonly backgroundMs: number;
  /** What one request may ask of others. */
  readonly limits: Pick<Limits, "subrequests" | "subrequestConcurrency">;
  /** Writes what the worker exports as a line of its log; for a deploy's check. */
  readonly reportExports?: boolean;
}

const exceptions = readFileSync(new URL("./inside/exceptions.js", import.meta.url));
const runtime = readFileSync(new URL("./inside/runtime.js", import.meta.url));
const outbound = readFileSync(new URL("./inside/fetch.js", import.meta.url));
const events = readFileSync(new URL("./inside/events.js", import.meta.url));
const services = readFileSync(new URL("./inside/services.js", import.meta.url));
const waitUntil = readFileSync(new URL("./inside/wait-until.js", import.meta.url));
const encoder = new TextEncoder();

/** A worker that exports nothing is in service worker syntax. The word may stand in a comment; then it is none. */
const exportWord = /\bexport\b/;

/** The export that takes events: no identifier, so that no worker has one of this name by chance. */
export const eventsEntrypoint = "openworkers events";

/** What the prelude imports from workerd's own side, where a module may import what is inside of the runtime. */
export const preludeExtension: Module = {
  name: "openworkers:wait-until",
  type: "esModule",
  content: waitUntil,
};

/**
 * The modules that go before the worker's own, the main one first. Imports run in order: our code takes what
 * it needs before the worker's can change it.
 */
export function preludeModules(program: Program, { limits, ...installOptions }: PreludeOptions): Module[] {
  const [main] = program.code.modules;
  if (main === undefined) return [];
  const taken = new Set(program.code.modules.map((module) => module.name));
  const entryName = freeName("openworkers-main.js", taken);
  const runtimeName = freeName("openworkers-prelude.js", taken);
  const exceptionsName = freeName("openworkers-exceptions.js", taken);
  const fetchName = freeName("openworkers-fetch.js", taken);
  const eventsName = freeName("openworkers-events.js", taken);
  const setUpName = freeName("openworkers-set-up.js", taken);
  const servicesName = freeName("openworkers-services.js", taken);
  const isServiceWorker =
    main.type === "esModule" && !exportWord.test(new TextDecoder().decode(main.content));
  const mainSpecifier = JSON.stringify(`./${main.name}`);
  const runtimeSpecifier = JSON.stringify(`./${runtimeName}`);
  const exceptionsSpecifier = JSON.stringify(`./${exceptionsName}`);
  const entry = [
    // Before anything imports `cloudflare:workers`.
    `import ${JSON.stringify(preludeExtension.name)};`,
    `import { summaryOf } from ${exceptionsSpecifier};`,
    `import { eventTools, install } from ${runtimeSpecifier};`,
    `import { eventsOf } from ${JSON.stringify(`./${eventsName}`)};`,
    `import ${JSON.stringify(`./${setUpName}`)};`,
    `import * as worker from ${mainSpecifier};`,
    `export * from ${mainSpecifier};`,
    `const main = install(worker, ${JSON.stringify(installOptions)});`,
    "const events = eventsOf(main, { ...eventTools, summaryOf });",
    `export { main as default, events as ${JSON.stringify(eventsEntrypoint)} };`,
  ];
  const setUp = [
    `import { exceptionText } from ${exceptionsSpecifier};`,
    `import { collectListeners, current, describeWith, readDepth } from ${runtimeSpecifier};`,
    `import { wrapFetch } from ${JSON.stringify(`./${fetchName}`)};`,
    "describeWith(exceptionText);",
    `collectListeners(${isServiceWorker});`,
    `wrapFetch(current, ${JSON.stringify(limits)});`,
  ];
  const [service] = [...program.bindings].find(([, { kind }]) => kind === "worker") ?? [];
  if (service !== undefined) {
    setUp.push(`import { wrapServices } from ${JSON.stringify(`./${servicesName}`)};`);
    setUp.push("readDepth();", `wrapServices(current, ${JSON.stringify(service)});`);
  }
  return [
    { name: entryName, type: "esModule", content: encoder.encode(entry.join("\n")) },
    { name: exceptionsName, type: "esModule", content: exceptions },
    { name: runtimeName, type: "esModule", content: runtime },
    { name: fetchName, type: "esModule", content: outbound },
    { name: eventsName, type: "esModule", content: events },
    { name: setUpName, type: "esModule", content: encoder.encode(setUp.join("\n")) },
    ...(service === undefined ? [] : [{ name: servicesName, type: "esModule", content: services } as const]),
  ];
}

/** The names of the prelude's own modules, whose frames mean nothing to who wrote the worker. */
export const preludeFrame =
  /\bopenworkers:wait-until\b|\bopenworkers-(?:main|prelude|exceptions|fetch|events|services|set-up)_*\.js\b/;

function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name;
  while (taken.has(free)) free = free.replace(/\.js$/, "_.js");
  return free;
}
