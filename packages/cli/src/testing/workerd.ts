import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Module, WorkerCode } from "@openworkers/core";
import { testFolder } from "./files.ts";

const workerdPath = join(import.meta.dir, "../../../../node_modules/workerd/bin/workerd");

const moduleFields = {
  esModule: "esModule",
  commonJsModule: "commonJsModule",
  text: "text",
  data: "data",
  wasm: "wasm",
  json: "json",
} as const satisfies Record<Module["type"], string>;

/** What the worker answers to `GET /` in a bare workerd, without a sandbox: what a bundle is worth to the runtime. */
export async function answerInWorkerd(code: WorkerCode): Promise<string> {
  await using folder = await testFolder();
  const modules: string[] = [];
  for (const [index, module] of code.modules.entries()) {
    const file = join(folder.path, `modules/${index}`);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, module.content);
    modules.push(
      `(name = ${JSON.stringify(module.name)}, ${moduleFields[module.type]} = embed "modules/${index}")`,
    );
  }
  const socket = join(folder.path, "http.sock");
  const config = join(folder.path, "config.capnp");
  const flags = code.compatibilityFlags.map((flag) => JSON.stringify(flag)).join(", ");
  await writeFile(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [${modules.join(", ")}],
    compatibilityDate = "${code.compatibilityDate}",
    compatibilityFlags = [${flags}],
  ))],
  sockets = [(name = "http", address = "unix:${socket}", http = (), service = "main")],
);`,
  );
  const workerd = Bun.spawn([workerdPath, "serve", config, "--control-fd=3"], {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
  });
  try {
    const listening = await Promise.race([firstLine(workerd.stdio[3]), workerd.exited.then(() => undefined)]);
    if (listening === undefined) throw new Error(await new Response(workerd.stderr).text());
    return await (await fetch("http://worker/", { unix: socket })).text();
  } finally {
    workerd.kill("SIGKILL");
    await workerd.exited;
  }
}

async function firstLine(descriptor: unknown): Promise<string> {
  if (typeof descriptor !== "number") throw new Error("workerd has no control descriptor");
  for await (const chunk of Bun.file(descriptor).stream()) return new TextDecoder().decode(chunk);
  return new Promise(() => {});
}
