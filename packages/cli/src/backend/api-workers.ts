import {
  type ApiClient,
  allOf,
  type components,
  once,
  type UploadMetadata,
  uploadVersion,
} from "@openworkers/client";
import { isOpenWorkersError, parseWorkerName, type WorkerId } from "@openworkers/core";
import { effectiveLimits } from "@openworkers/db/stores";
import type { ApiEnvironment } from "./api-environment.ts";
import { compact, dateOf } from "./api-values.ts";
import type {
  Deployed,
  DeployInput,
  DeploymentSummary,
  DomainSummary,
  Share,
  VersionSummary,
  WorkerDetails,
  WorkerSummary,
} from "./backend.ts";

type Worker = components["schemas"]["Worker"];
type Version = components["schemas"]["Version"];
type Deployment = components["schemas"]["Deployment"];

/** Workers, their versions and deployments, through the API. */
export class ApiWorkers {
  readonly #client: ApiClient;
  readonly #account: { readonly account?: string };
  readonly #environment: ApiEnvironment;

  /** @param account whose workers are listed, and who a new one belongs to; the caller without */
  constructor(client: ApiClient, environment: ApiEnvironment, account: string | undefined) {
    this.#client = client;
    this.#environment = environment;
    this.#account = compact({ account });
  }

  async deploy(input: DeployInput): Promise<Deployed> {
    const { worker, code, environmentVars = new Map(), environmentSecrets = new Map() } = input;
    const metadata = compact({
      ...this.#account,
      vars: Object.fromEntries(input.vars),
      bindings: Object.fromEntries([...input.bindings].map(([name, binding]) => [name, withProps(binding)])),
      consumers: input.consumers,
      limits: input.limits,
      egress: input.egress,
      assets: input.assets,
      message: input.message,
      percent: input.percent,
      routes: input.routes,
      domains: input.domains,
      crons: input.crons,
      // What is in both is a secret.
      environmentVars: Object.fromEntries(
        [...environmentVars].filter(([name]) => !environmentSecrets.has(name)),
      ),
      environmentSecrets: Object.fromEntries(environmentSecrets),
    });
    const made = await uploadVersion(this.#client, parseWorkerName(worker), code, metadata as UploadMetadata);
    return {
      worker,
      version: made.version,
      deploymentId: made.deploymentId,
      bindings: made.bindings.map(compact),
    };
  }

  async list(): Promise<WorkerSummary[]> {
    const workers = await allOf((page) =>
      this.#client.data(
        this.#client.api.GET("/v1/workers", { params: { query: { ...page, ...this.#account } } }),
      ),
    );
    return workers.map(toSummary);
  }

  async get(
    name: string,
    domains: readonly DomainSummary[],
    routes: readonly string[],
  ): Promise<WorkerDetails> {
    const worker = await this.#worker(name);
    const live = (await this.#versions(name)).find(({ percent }) => percent > 0);
    return {
      ...toSummary(worker),
      domains,
      routes,
      limits: effectiveLimits([
        compact(worker.limits),
        live === undefined ? undefined : compact(live.limits),
      ]),
      environment: await this.#environment.values(name, {}),
      bindings: await this.#environment.bindings(name, {}),
    };
  }

  async id(name: string): Promise<WorkerId> {
    return (await this.#worker(name)).id as WorkerId;
  }

  async delete(worker: string): Promise<void> {
    await this.#client.api.DELETE("/v1/workers/{worker}", { params: { path: { worker } } });
  }

  async keepLogs(worker: string, days: number | null): Promise<void> {
    const params = { path: { worker } };
    await this.#client.api.PATCH("/v1/workers/{worker}", { params, body: { logRetentionDays: days } });
  }

  async versions(worker: string): Promise<VersionSummary[]> {
    return (await this.#versions(worker)).map((version) => ({
      version: version.number,
      bytes: version.bytes,
      compatibilityDate: version.compatibilityDate,
      compatibilityFlags: version.compatibilityFlags,
      message: version.message ?? undefined,
      createdAt: dateOf(version.createdAt),
      percent: version.percent,
    }));
  }

  async deployments(worker: string): Promise<DeploymentSummary[]> {
    const params = { path: { worker } };
    const deployments = await allOf((query) =>
      this.#client.data(
        this.#client.api.GET("/v1/workers/{worker}/deployments", { params: { ...params, query } }),
      ),
    );
    return deployments.map(toDeployment);
  }

  async createDeployment(
    worker: string,
    shares: readonly Share[],
    message: string | undefined,
  ): Promise<DeploymentSummary> {
    const body = compact({ versions: [...shares], message });
    const made = await this.#client.data(
      this.#client.api.POST("/v1/workers/{worker}/deployments", {
        params: { path: { worker }, header: once() },
        body,
      }),
    );
    return toDeployment(made);
  }

  async missingAssets(hashes: readonly string[]): Promise<ReadonlySet<string>> {
    const { missing } = await this.#client.data(
      this.#client.api.POST("/v1/assets/missing", { body: { hashes: [...hashes] } }),
    );
    return new Set(missing);
  }

  async uploadAssets(contents: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const form = new FormData();
    for (const [hash, content] of contents) form.set(hash, new Blob([new Uint8Array(content)]), hash);
    await this.#client.fetch("/v1/assets", { method: "POST", body: form });
  }

  /** Undefined when there is no such worker. */
  async find(name: string): Promise<Worker | undefined> {
    try {
      return await this.#worker(name);
    } catch (thrown) {
      if (isOpenWorkersError(thrown, "NOT_FOUND")) return undefined;
      throw thrown;
    }
  }

  async #worker(worker: string): Promise<Worker> {
    return await this.#client.data(
      this.#client.api.GET("/v1/workers/{worker}", { params: { path: { worker } } }),
    );
  }

  async #versions(worker: string): Promise<Version[]> {
    return await allOf((query) =>
      this.#client.data(
        this.#client.api.GET("/v1/workers/{worker}/versions", { params: { path: { worker }, query } }),
      ),
    );
  }
}

/** A worker's `props` are an object here, and the text of one there. */
export function withProps<Binding extends { readonly kind: string }>(binding: Binding) {
  const { props, ...rest } = { props: undefined, ...binding };
  return compact({ ...rest, props: typeof props === "string" ? (JSON.parse(props) as unknown) : undefined });
}

function toSummary(worker: Worker): WorkerSummary {
  return {
    worker: worker.name,
    live: worker.live,
    versions: worker.lastVersion,
    createdAt: dateOf(worker.createdAt),
    deployedAt: worker.deployedAt === null ? undefined : dateOf(worker.deployedAt),
  };
}

function toDeployment({ id, versions, message, createdAt }: Deployment): DeploymentSummary {
  return { id, shares: versions, message: message ?? undefined, createdAt: dateOf(createdAt) };
}
