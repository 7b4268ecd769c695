import type { ApiClient, components } from "@openworkers/client";
import { isOpenWorkersError } from "@openworkers/core";
import { compact, dateOf } from "./api-values.ts";
import { withProps } from "./api-workers.ts";
import type { BindingSummary, EnvironmentBinding, ValueSummary } from "./backend.ts";

interface MissingIsEmpty {
  readonly missingIsEmpty?: boolean;
}

/** The values and bindings of workers' environments, through the API. */
export class ApiEnvironment {
  readonly #client: ApiClient;

  constructor(client: ApiClient) {
    this.#client = client;
  }

  async values(worker: string, options: MissingIsEmpty): Promise<ValueSummary[]> {
    const { items } = await unlessMissing(options, () =>
      this.#client.data(
        this.#client.api.GET("/v1/workers/{worker}/values", { params: { path: { worker } } }),
      ),
    );
    return items.map(({ updatedAt, ...value }) => ({ ...compact(value), updatedAt: dateOf(updatedAt) }));
  }

  async set(
    worker: string,
    change: { vars?: ReadonlyMap<string, string>; secrets?: ReadonlyMap<string, string> },
  ) {
    const { vars = new Map(), secrets = new Map() } = change;
    await this.#client.api.PATCH("/v1/workers/{worker}/values", {
      params: { path: { worker } },
      body: { vars: Object.fromEntries(vars), secrets: Object.fromEntries(secrets) },
    });
  }

  async unset(worker: string, kind: "var" | "secret", names: readonly string[]): Promise<string[]> {
    const there = (await this.values(worker, {})).filter(
      (value) => value.kind === kind && names.includes(value.name),
    );
    if (there.length === 0) return [];
    const { unset } = await this.#client.data(
      this.#client.api.PATCH("/v1/workers/{worker}/values", {
        params: { path: { worker } },
        body: { unset: there.map(({ name }) => name) },
      }),
    );
    return unset;
  }

  async bindings(worker: string, options: MissingIsEmpty): Promise<BindingSummary[]> {
    const { items } = await unlessMissing(options, () =>
      this.#client.data(
        this.#client.api.GET("/v1/workers/{worker}/bindings", { params: { path: { worker } } }),
      ),
    );
    return items.map(toBinding);
  }

  async bind(worker: string, bindings: ReadonlyMap<string, EnvironmentBinding>): Promise<void> {
    const set = Object.fromEntries([...bindings].map(([name, binding]) => [name, withProps(binding)]));
    await this.#client.api.PATCH("/v1/workers/{worker}/bindings", {
      params: { path: { worker } },
      body: { set: set as Record<string, components["schemas"]["EnvironmentBinding"]> },
    });
  }

  async unbind(worker: string, names: readonly string[]): Promise<string[]> {
    const { unset } = await this.#client.data(
      this.#client.api.PATCH("/v1/workers/{worker}/bindings", {
        params: { path: { worker } },
        body: { unset: names.filter((name) => valueName.test(name)) },
      }),
    );
    return unset;
  }
}

/** What the API takes for a name: others are none that an environment holds. */
const valueName = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

async function unlessMissing<Item>(
  { missingIsEmpty = false }: MissingIsEmpty,
  read: () => Promise<{ items: Item[] }>,
): Promise<{ items: Item[] }> {
  try {
    return await read();
  } catch (thrown) {
    if (missingIsEmpty && isOpenWorkersError(thrown, "NOT_FOUND")) return { items: [] };
    throw thrown;
  }
}

function toBinding({ name, kind, source, ...rest }: components["schemas"]["Binding"]): BindingSummary {
  const { resource, id, entrypoint, settings } = rest;
  return {
    name,
    kind,
    source,
    ...(resource === null ? {} : { resource }),
    ...(id === null ? {} : { id }),
    ...(entrypoint === null ? {} : { entrypoint }),
    ...(settings === null ? {} : { settings }),
  };
}
