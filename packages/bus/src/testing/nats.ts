import { z } from "zod";
import type { Bus } from "../bus.ts";
import { connectNats, type NatsOptions } from "../nats/connect.ts";
import { NatsProcess } from "./nats-process.ts";
import { freePorts } from "./ports.ts";

/** Elections of nats-server 2.9 take up to half a minute on a busy machine. */
const formingMs = 60_000;

/** Servers of a test. Every bus that `connect` made is closed when they go. */
export interface TestNats extends AsyncDisposable {
  readonly servers: readonly string[];
  readonly nodes: readonly NatsProcess[];
  connect(options?: Partial<NatsOptions>): Promise<Bus>;
}

/** One nats-server with JetStream; `more` is added to its configuration, which may refer to `env`. */
export async function startTestNats(
  more = "",
  env: Readonly<Record<string, string>> = {},
): Promise<TestNats> {
  const node = new NatsProcess(
    (port, directory) => `
listen: "127.0.0.1:${port}"
jetstream { store_dir: "${directory}", max_file_store: 40GB, max_memory_store: 64MB }
${more}`,
    { env },
  );
  return await started([node], 1);
}

/** A cluster of `count` nodes with JetStream, in which streams have three replicas; `more` and `env` as above. */
export async function startTestCluster(
  count = 3,
  more = "",
  env: Readonly<Record<string, string>> = {},
): Promise<TestNats> {
  const ports = freePorts(3 * count);
  const routes = ports.slice(count, 2 * count).map((port) => `nats://127.0.0.1:${port}`);
  const monitors = ports.slice(2 * count);
  const nodes = ports.slice(0, count).map(
    (port, at) =>
      new NatsProcess(
        (_, directory) => `
server_name: node${at}
listen: "127.0.0.1:${port}"
http: "127.0.0.1:${monitors[at]}"
jetstream { store_dir: "${directory}", max_file_store: 40GB, max_memory_store: 64MB }
cluster { name: test, listen: "127.0.0.1:${ports[count + at]}", routes: ${JSON.stringify(routes)} }
${more}`,
        { port, env },
      ),
  );
  const nats = await started(nodes, Math.min(3, count));
  try {
    await formed(monitors);
    return nats;
  } catch (thrown) {
    await nats[Symbol.asyncDispose]();
    throw thrown;
  }
}

/** What of nats-server's `/jsz` says how the cluster is; only its leader tells of the others. */
const clusterSchema = z.object({
  meta_cluster: z
    .object({
      replicas: z.array(z.object({ current: z.boolean(), offline: z.boolean().default(false) })).default([]),
    })
    .optional(),
});

/** Resolves once the leader of the cluster has every other node beside it. */
async function formed(monitors: readonly number[]): Promise<void> {
  const deadline = Date.now() + formingMs;
  for (;;) {
    const answers = await Promise.all(
      monitors.map(async (port) => (await fetch(`http://127.0.0.1:${port}/jsz`)).json()),
    );
    const isWhole = (answer: unknown) => {
      const others = clusterSchema.parse(answer).meta_cluster?.replicas ?? [];
      return others.length === monitors.length - 1 && others.every((node) => node.current && !node.offline);
    };
    if (answers.some(isWhole)) return;
    if (Date.now() > deadline) throw new Error(`No cluster came about: ${JSON.stringify(answers)}`);
    await Bun.sleep(20);
  }
}

async function started(nodes: readonly NatsProcess[], replicas: number): Promise<TestNats> {
  const buses: Bus[] = [];
  const servers = nodes.map((node) => node.server);
  await Promise.all(nodes.map((node) => node.start()));
  return {
    servers,
    nodes,
    async connect(options = {}) {
      const bus = await connectNats({ servers, replicas, connectMs: 30_000, report: () => {}, ...options });
      buses.push(bus);
      return bus;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(buses.map((bus) => bus[Symbol.asyncDispose]()));
      await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()));
    },
  };
}
