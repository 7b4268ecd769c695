import type { EnvValue, Module } from "@openworkers/core";
import { Message } from "capnp-es";
import type { CellBinding } from "../../bindings/plugin.ts";
import { schemeHeader } from "../cell.ts";
import { eventsEntrypoint, preludeExtension } from "../prelude/prelude.ts";
import type { Door, Program } from "../target.ts";
import {
  Config,
  type HttpOptions,
  HttpOptions_Style,
  type Service,
  type Socket,
  type Worker_Binding,
  type Worker_Module,
} from "./generated/workerd.js";

export interface ConfigOptions {
  /** As the cell sees it: the directory of the only ways out. */
  readonly socketsDirectory: string;
  /** What goes on `env` beside the program's texts, by name. */
  readonly bindings: ReadonlyMap<string, CellBinding>;
  /** As the cell sees it: a directory with one file, `alive`. */
  readonly aliveDirectory: string;
  readonly v8Flags: readonly string[];
  /** Come before the worker's modules; the first is the main one. */
  readonly prelude: readonly Module[];
  readonly compatibilityFlags: readonly string[];
  /** At most as many as there are `doorNames`. */
  readonly doors: readonly Door[];
}

/** Names of the sockets that the broker listens on: `exact` keeps the Content-Length of what is streamed. */
export const brokerSockets = { broker: "broker", exact: "broker-exact" } as const;

/** Names of the sockets that workerd is handed as file descriptors. */
export const socketNames = { http: "http", control: "control", events: "events" } as const;

/**
 * Further sockets, one for each of the target's doors. workerd is handed them before anybody knows the worker, and
 * refuses to start with one that its configuration does not name; so their number is fixed.
 */
export const doorNames = ["door0", "door1", "door2", "door3", "door4", "door5", "door6", "door7"] as const;

/** Name of the socket behind the `index`th binding to another worker. */
export const serviceSocket = (index: number): string => `worker${index}`;

/** Name of the socket behind the `index`th database for drivers, tenants' and the platform's in one count. */
export const databaseSocket = (index: number): string => `database${index}`;

/** Stands in `CONNECT <host>`, with which workerd asks to be spoken Cap'n Proto to. */
export const rpcHost = "rpc";

/**
 * workerd's encoded configuration for one worker. Every name and value is a field of a Cap'n Proto message,
 * so nothing a user chose is ever parsed as configuration.
 */
export function encodeConfig(program: Program, options: ConfigOptions): Uint8Array {
  const message = new Message();
  const config = message.initRoot(Config);
  const brokered = [...options.bindings].filter(([, { type }]) => type !== "json");
  const services = config._initServices(4 + brokered.length);

  const user = services.get(0);
  user.name = "user";
  const worker = user._initWorker();
  const modules = [...options.prelude, ...program.code.modules];
  const moduleList = worker._initModules(modules.length);
  for (const [index, module] of modules.entries()) setModule(moduleList.get(index), module);
  worker.compatibilityDate = program.code.compatibilityDate;
  setTexts((length) => worker._initCompatibilityFlags(length), options.compatibilityFlags);
  const texts = [...program.env].filter(([name]) => !options.bindings.has(name));
  const bindings = worker._initBindings(texts.length + options.bindings.size);
  for (const [index, [name, value]] of texts.entries()) setText(bindings.get(index), name, value);
  for (const [index, [name, binding]] of [...options.bindings].entries())
    setBinding(bindings.get(texts.length + index), name, binding);
  worker._initGlobalOutbound().name = "internet";

  // workerd reads the system's CA certificates, which a cell has not, unless this service is defined.
  const internet = services.get(1);
  internet.name = "internet";
  const external = internet._initExternal();
  external.address = `unix:${options.socketsDirectory}/egress`;
  external._initHttp().style = HttpOptions_Style.PROXY;

  // Served by workerd's event loop itself: silence means that JavaScript is hogging the thread.
  const alive = services.get(2);
  alive.name = "alive";
  alive._initDisk().path = options.aliveDirectory;

  const broker = `${options.socketsDirectory}/${brokerSockets.broker}`;
  setBrokerService(services.get(3), cacheSelector, broker);
  worker._initCacheApiOutbound().name = serviceOf(cacheSelector);

  let workers = 0;
  let databases = 0;
  for (const [index, [name, binding]] of brokered.entries()) {
    const { type } = binding;
    const service = services.get(4 + index);
    if (type === "worker") {
      setWorkerService(service, name, `${options.socketsDirectory}/${serviceSocket(workers++)}`);
    } else if (type === "hyperdrive") {
      setDatabaseService(service, name, `${options.socketsDirectory}/${databaseSocket(databases++)}`);
    } else {
      const exact = type === "r2Bucket" || (type === "fetcher" && binding.exact === true);
      const socket = exact ? brokerSockets.exact : brokerSockets.broker;
      setBrokerService(service, name, `${options.socketsDirectory}/${socket}`);
    }
  }
  const wrappers = [...options.bindings].flatMap(([, binding]) =>
    binding.type === "wrapped" ? [binding.module, ...(binding.parts ?? [])] : [],
  );
  setExtension(config, wrappers);

  const sockets = config._initSockets(3 + doorNames.length);
  const http = sockets.get(0);
  http.name = socketNames.http;
  setServing(http._initHttp());
  http._initService().name = "user";
  const control = sockets.get(1);
  control.name = socketNames.control;
  control._initHttp();
  control._initService().name = "alive";
  const events = sockets.get(2);
  events.name = socketNames.events;
  events._initHttp();
  const handlers = events._initService();
  handlers.name = "user";
  handlers.entrypoint = eventsEntrypoint;
  for (const [index, name] of doorNames.entries()) {
    setDoor(sockets.get(3 + index), name, options.doors[index]);
  }

  setTexts((length) => config._initV8Flags(length), options.v8Flags);
  config._initLogging().structuredLogging = true;
  return new Uint8Array(message.toArrayBuffer());
}

/** Requests as HTTP, and calls of methods as Cap'n Proto after a CONNECT, which the ingress lets nobody else send. */
function setServing(http: HttpOptions): void {
  http.forwardedProtoHeader = schemeHeader;
  http.capnpConnectHost = rpcHost;
}

/** @param door undefined for a socket without use, which must lead somewhere all the same */
function setDoor(socket: Socket, name: string, door: Door | undefined): void {
  socket.name = name;
  setServing(socket._initHttp());
  const service = socket._initService();
  service.name = door === undefined ? "alive" : "user";
  if (door?.entrypoint !== undefined) service.entrypoint = door.entrypoint;
  if (door?.props !== undefined) service._initProps().json = door.props;
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

function setText(target: Worker_Binding, name: string, value: EnvValue): void {
  target.name = name;
  target[value.kind] = value.value;
}

/** Names what the cell asks through; the cell can leave it out or choose another of its own, and no more. */
export const bindingHeader = "X-Ow-Binding";

/** Stands for the Cache API where bindings have their names: none of them can be called so. */
export const cacheSelector = "cache:";

const serviceOf = (name: string) => `binding:${name}`;

/** The broker, asked in the name of one binding. */
function setBrokerService(target: Service, name: string, socket: string): void {
  target.name = serviceOf(name);
  const external = target._initExternal();
  external.address = `unix:${socket}`;
  const http = external._initHttp();
  // The scheme of a URL is part of what it names, and nowhere else in a request.
  http.forwardedProtoHeader = schemeHeader;
  const header = http._initInjectRequestHeaders(1).get(0);
  header.name = bindingHeader;
  header.value = name;
}

/** Another worker, by way of the runner. */
function setWorkerService(target: Service, name: string, socketPath: string): void {
  target.name = serviceOf(name);
  const external = target._initExternal();
  external.address = `unix:${socketPath}`;
  setServing(external._initHttp());
}

/** A database, whose bytes pass as they are. */
function setDatabaseService(target: Service, name: string, socketPath: string): void {
  target.name = serviceOf(name);
  const external = target._initExternal();
  external.address = `unix:${socketPath}`;
  external._initTcp();
}

/**
 * What a driver must be given and nobody asks for: who connects is known by the socket. They are the same in every cell
 * and open nothing.
 */
const driverFacts = { database: "database", user: "worker", password: "none", scheme: "postgresql" } as const;

function setBinding(target: Worker_Binding, name: string, binding: CellBinding): void {
  target.name = name;
  switch (binding.type) {
    case "kvNamespace":
      target._initKvNamespace().name = serviceOf(name);
      break;
    case "r2Bucket":
      target._initR2Bucket().name = serviceOf(name);
      break;
    case "queue":
      target._initQueue().name = serviceOf(name);
      break;
    case "fetcher":
    case "worker":
      target._initService().name = serviceOf(name);
      break;
    case "wrapped": {
      const wrapped = target._initWrapped();
      wrapped.moduleName = binding.module.name;
      const inner = wrapped._initInnerBindings(1).get(0);
      inner.name = "broker";
      inner._initService().name = serviceOf(name);
      break;
    }
    case "hyperdrive": {
      const hyperdrive = target._initHyperdrive();
      hyperdrive._initDesignator().name = serviceOf(name);
      const { user = driverFacts.user } = binding;
      Object.assign(hyperdrive, { ...driverFacts, user });
      break;
    }
    case "json":
      target.json = binding.value;
      break;
  }
}

/** What is on workerd's own side: the prelude's part there, and the modules that wrapped bindings are made by, each once. */
function setExtension(config: Config, wrappers: readonly Module[]): void {
  const byName = new Map(wrappers.map((module) => [module.name, module]));
  const modules = [preludeExtension, ...byName.values()];
  const list = config._initExtensions(1).get(0)._initModules(modules.length);
  for (const [index, module] of modules.entries()) {
    const target = list.get(index);
    target.name = module.name;
    target.internal = module !== preludeExtension;
    target.esModule = new TextDecoder().decode(module.content);
  }
}
