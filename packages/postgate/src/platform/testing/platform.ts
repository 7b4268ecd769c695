import { type Database, ensureOperator, registerSealingKey, SecretKeys } from "@openworkers/db";
import { type TestDatabase, temporaryDirectory, withTestDatabase } from "@openworkers/db/testing";
import { OpenFace } from "./open-face.ts";
import { type Person, person } from "./people.ts";

/** A platform with a face before it, and two people, Ann and Bob, who have nothing yet. */
export class TestPlatform implements AsyncDisposable {
  readonly database: Database;
  readonly open: OpenFace;
  readonly ann: Person;
  readonly bob: Person;
  readonly #parts: AsyncDisposableStack;

  private constructor(
    parts: AsyncDisposableStack,
    made: {
      readonly database: Database;
      readonly open: OpenFace;
      readonly ann: Person;
      readonly bob: Person;
    },
  ) {
    this.#parts = parts;
    this.database = made.database;
    this.open = made.open;
    this.ann = made.ann;
    this.bob = made.bob;
  }

  /** On `fixture`, which is disposed of with it; on the embedded PostgreSQL unless given. */
  static async start(
    fixture?: Pick<TestDatabase, "database" | typeof Symbol.asyncDispose>,
  ): Promise<TestPlatform> {
    await using parts = new AsyncDisposableStack();
    const { database } = parts.use(fixture ?? (await withTestDatabase()));
    await ensureOperator(database);
    await registerSealingKey(
      database,
      await SecretKeys.load({ secretKey: undefined, directory: temporaryDirectory() }),
    );
    const open = parts.use(await OpenFace.open(database));
    const ann = await person(database, "ann");
    const bob = await person(database, "bob");
    return new TestPlatform(parts.move(), { database, open, ann, bob });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
  }
}
