import { join } from "node:path";
import type { Database } from "@openworkers/db";
import { temporaryDirectory } from "@openworkers/db/testing";
import type { Client } from "pg";
import { type Face, PlatformFace, type PlatformFaceOptions } from "../mod.ts";
import { CallerDatabase, callerClient, type FacePlace } from "./caller-database.ts";

/** A face before a database, listening as `api` and as `identity`. */
export class OpenFace implements AsyncDisposable {
  readonly face: PlatformFace;
  readonly reports: string[];
  readonly #places: Readonly<Record<Face, FacePlace>>;

  private constructor(face: PlatformFace, reports: string[], places: Readonly<Record<Face, FacePlace>>) {
    this.face = face;
    this.reports = reports;
    this.#places = places;
  }

  static async open(
    database: Database,
    limits: NonNullable<PlatformFaceOptions["limits"]> = {},
  ): Promise<OpenFace> {
    const reports: string[] = [];
    const report = (message: string, details: object) => {
      reports.push(`${message} ${JSON.stringify(details)}`);
    };
    const face = await PlatformFace.open({ database, report, limits });
    const host = temporaryDirectory();
    const places = { api: { host, port: 5432 }, identity: { host, port: 5433 } };
    face.listen("api", join(host, ".s.PGSQL.5432"));
    face.listen("identity", join(host, ".s.PGSQL.5433"));
    return new OpenFace(face, reports, places);
  }

  place(face: Face): FacePlace {
    return this.#places[face];
  }

  /** The stores' database for whoever has the credential. */
  as({ key }: { readonly key: string }): CallerDatabase {
    return new CallerDatabase(this.#places.api, key);
  }

  /** One transaction. */
  connect({ key }: { readonly key: string }): Promise<Client> {
    return callerClient(this.#places.api, key);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.face[Symbol.asyncDispose]();
  }
}
