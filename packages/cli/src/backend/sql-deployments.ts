import { OpenWorkersError, type UserId } from "@openworkers/core";
import {
  createDeployment,
  type Database,
  type Deployment,
  getWorker,
  listDeployments,
  listVersions,
  listWorkers,
  systemUserName,
} from "@openworkers/db";
import type { DeploymentSummary, Share, VersionSummary, WorkerSummary } from "./backend.ts";

/** Which versions of which workers there are, and what requests are given to, in the platform's database. */
export class SqlDeployments {
  readonly #database: Database;
  readonly #by: () => Promise<UserId>;

  constructor(database: Database, by: () => Promise<UserId>) {
    this.#database = database;
    this.#by = by;
  }

  async workers(): Promise<WorkerSummary[]> {
    // The platform's own are there for whoever names them, and nobody's to look through.
    const workers = (await listWorkers(this.#database)).filter(({ owner }) => owner !== systemUserName);
    return await Promise.all(workers.map(({ name }) => this.summary(name)));
  }

  async summary(worker: string): Promise<WorkerSummary> {
    const { lastVersion, createdAt } = await getWorker(this.#database, worker);
    const [live] = await this.list(worker);
    return {
      worker,
      live: live?.shares ?? [],
      versions: lastVersion,
      createdAt,
      deployedAt: live?.createdAt,
    };
  }

  async versions(worker: string): Promise<VersionSummary[]> {
    const versions = await listVersions(this.#database, worker);
    return versions.map((version) => ({
      version: version.number,
      bytes: version.bytes,
      compatibilityDate: version.compatibilityDate,
      compatibilityFlags: version.compatibilityFlags,
      message: version.message ?? undefined,
      createdAt: version.createdAt,
      percent: version.percent,
    }));
  }

  async list(worker: string): Promise<DeploymentSummary[]> {
    return (await listDeployments(this.#database, worker)).map(summaryOf);
  }

  async create(worker: string, shares: readonly Share[], message?: string): Promise<DeploymentSummary> {
    const id = await createDeployment(this.#database, {
      worker,
      versions: new Map(shares.map(({ version, percent }) => [version, percent])),
      by: await this.#by(),
      ...(message === undefined ? {} : { message }),
    });
    const made = (await this.list(worker)).find((deployment) => deployment.id === id);
    if (made === undefined)
      throw new OpenWorkersError("CONFLICT", `${worker} was changed by somebody else meanwhile.`);
    return made;
  }
}

function summaryOf({ id, versions, message, createdAt }: Deployment): DeploymentSummary {
  return {
    id,
    shares: versions.map(({ version, percent }) => ({ version, percent })),
    message: message ?? undefined,
    createdAt,
  };
}
