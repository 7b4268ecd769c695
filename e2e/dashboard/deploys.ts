import { expect } from "bun:test";
import type { Dashboard } from "./rig.ts";

export interface Deploy {
  readonly name: string;
  /** JavaScript of its only module. */
  readonly code: string;
  readonly sourceMap?: string;
  /** What `Upload` of the API's document has besides. */
  readonly metadata?: object;
  /** Of whoever deploys it; Ada unless given. */
  readonly token?: string;
}

/** Deploys a worker through the API, and waits until a runner serves it. */
export async function deployed(
  { platform, token: ada }: Dashboard,
  { name, code, sourceMap, metadata = {}, token = ada }: Deploy,
): Promise<void> {
  const form = new FormData();
  const said = {
    modules: [{ name: "index.js", type: "esModule" }],
    compatibilityDate: "2026-11-01",
    ...metadata,
  };
  form.set("metadata", new Blob([JSON.stringify(said)], { type: "application/json" }));
  form.set("index.js", new Blob([code]));
  if (sourceMap !== undefined) form.set("map:index.js", new Blob([sourceMap]));
  const answer = await platform.fetch("api", `/v1/workers/${name}/versions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: form,
  });
  expect([answer.status, answer.ok ? "" : await answer.text()]).toEqual([201, ""]);
  // A runner hears of it a moment later: until then nobody answers under the name.
  while ((await platform.fetch(name, "/up")).headers.get("x-termination-reason") === "not-found")
    await Bun.sleep(20);
}
