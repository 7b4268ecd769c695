import type { EnvValue, Module } from "@openworkers/core";
import { Message } from "capnp-es";
import { schemeHeader } from "../cell.ts";
import type { Program } from "../target.ts";
import { Config, HttpOptions_Style, type Worker_Binding, type Worker_Module } from "./generated/workerd.js";

export interface ConfigOptions {
  /** As the cell sees it: the only way out. */
  readonly egressSocket: string;
  /** As the cell sees it: a directory with one file, `alive`. */
  readonly aliveDirectory: string;
  readonly v8Flags: readonly string[];
  /** Come before the worker's modules; the first is the main one. */
  readonly prelude: readonly Module[];
  readonly compatibilityFlags: readonly string[];
}

/** Names of the sockets that workerd is handed as file descriptors. */
export const socketNames = { http: "http", control: "control" } as const;

/**
 * workerd's encoded configuration for one worker. Every name and value is a field of a Cap'n Proto message,
 * so nothing a user chose is ever parsed as configuration.
 */
export function encodeConfig(program: Program, options: ConfigOptions): Uint8Array {
  const message = new Message();
  const config = message.initRoot(Config);
  const services = config._initServices(3);

  const user = services.get(0);
  user.name = "user";
  const worker = user._initWorker();
  const modules = [...options.prelude, ...program.code.modules];
  const moduleList = worker._initModules(modules.length);
  for (const [index, module] of modules.entries()) setModule(moduleList.get(index), module);
  worker.compatibilityDate = program.code.compatibilityDate;
  setTexts((length) => worker._initCompatibilityFlags(length), options.compatibilityFlags);
  const bindings = worker._initBindings(program.env.size);
  for (const [index, [name, value]] of [...program.env].entries())
    setBinding(bindings.get(index), name, value);
  worker._initGlobalOutbound().name = "internet";

  // workerd reads the system's CA certificates, which a cell has not, unless this service is defined.
  const internet = services.get(1);
  internet.name = "internet";
  const external = internet._initExternal();
  external.address = `unix:${options.egressSocket}`;
  external._initHttp().style = HttpOptions_Style.PROXY;

  // Served by workerd's event loop itself: silence means that JavaScript is hogging the thread.
  const alive = services.get(2);
  alive.name = "alive";
  alive._initDisk().path = options.aliveDirectory;

  const sockets = config._initSockets(2);
  const http = sockets.get(0);
  http.name = socketNames.http;
  http._initHttp().forwardedProtoHeader = schemeHeader;
  http._initService().name = "user";
  const control = sockets.get(1);
  control.name = socketNames.control;
  control._initHttp();
  control._initService().name = "alive";

  setTexts((length) => config._initV8Flags(length), options.v8Flags);
  config._initLogging().structuredLogging = true;
  return new Uint8Array(message.toArrayBuffer());
}

interface TextList {
  set(index: number, value: string): void;
}

function setTexts(init: (length: number) => TextList, values: readonly string[]): void {
  const list = init(values.length);
  for (const [index, value] of values.entries()) list.set(index, value);
}

function setModule(target: Worker_Module, module: Module): void {
  target.name = module.name;
  switch (module.type) {
    case "esModule":
    case "commonJsModule":
    case "text":
    case "json":
      target[module.type] = new TextDecoder("utf-8", { ignoreBOM: true }).decode(module.content);
      break;
    case "data":
    case "wasm": {
      const bytes =
        module.type === "data"
          ? target._initData(module.content.length)
          : target._initWasm(module.content.length);
      bytes.copyBuffer(module.content);
      break;
    }
  }
}

function setBinding(target: Worker_Binding, name: string, value: EnvValue): void {
  target.name = name;
  target[value.kind] = value.value;
}
