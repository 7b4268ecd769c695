import { describe, expect, test } from "bun:test";
import { loadProgram } from "./programs.ts";
import { setRoutes } from "./routes.ts";
import { findVersion, loadRouting } from "./routing.ts";
import { codeOf, count, platform, rejection } from "./testing/fixtures.ts";
import { listVersions } from "./versions.ts";
import { deleteWorker, getWorker, renameWorker } from "./workers.ts";

describe("a worker", () => {
  test("keeps its numbers, versions and id under a new name", async () => {
    await using fixture = await platform();
    const { workerId } = await fixture.deploy("hello");
    await fixture.deploy("taken");
    await renameWorker(fixture.database, { worker: "hello", name: "welcome", by: fixture.ada });
    expect(await getWorker(fixture.database, "welcome")).toMatchObject({ id: workerId });
    expect(await rejection(getWorker(fixture.database, "hello"))).toMatchObject({ code: "NOT_FOUND" });
    const clash = renameWorker(fixture.database, { worker: "welcome", name: "taken", by: fixture.ada });
    expect(await rejection(clash)).toMatchObject({ code: "CONFLICT" });
    expect((await fixture.deploy("welcome")).version).toBe(2);
  });

  test("may have underscores in its name, and nothing else that its host cannot have", async () => {
    await using fixture = await platform();
    const { workerId } = await fixture.deploy("worker_b");
    expect(await getWorker(fixture.database, "worker_b")).toMatchObject({ id: workerId });
    for (const name of ["_b", "b_", "a--b", "a.b", "A"]) {
      // Past the check of the platform: the database has its own.
      const forged = fixture.database.write((transaction) =>
        transaction.updateTable("workers").set({ name }).where("id", "=", workerId).execute(),
      );
      expect([name, await rejection(forged)]).toMatchObject([
        name,
        { details: { constraint: "workers_name_check" } },
      ]);
    }
  });

  test("that is deleted takes with it what nobody else uses, and nothing more", async () => {
    await using fixture = await platform();
    const lib = { name: "lib.js", type: "esModule", content: Buffer.from("shared") } as const;
    const code = (text: string) => ({
      ...codeOf(text, `map of ${text}`),
      modules: [...codeOf(text).modules, lib],
    });
    await fixture.deploy("one", {
      code: code("one"),
      domains: ["one.example.com"],
    });
    const patterns = ["example.com/one"];
    await setRoutes(fixture.database, { worker: "one", patterns, by: fixture.operator });
    const two = await fixture.deploy("two", { code: code("two") });
    expect(await count(fixture.database, "blobs")).toBe(5);
    const { freedBytes } = await deleteWorker(fixture.database, { worker: "one", by: fixture.ada });
    expect(freedBytes).toBe("one".length + "map of one".length);
    expect(await count(fixture.database, "blobs")).toBe(3);
    expect((await loadProgram(fixture.database, two.versionId, two.workerId)).code.modules).toHaveLength(2);
    expect(await loadRouting(fixture.database)).toMatchObject({
      workers: [{ worker: "two" }],
      domains: [],
      routes: [],
    });
    expect((await fixture.deploy("one")).version).toBe(1);
    expect(await rejection(deleteWorker(fixture.database, { worker: "two", by: fixture.bob }))).toMatchObject(
      { code: "FORBIDDEN" },
    );
  });

  test("can be deleted while others deploy the code it shares", async () => {
    await using fixture = await platform();
    const code = codeOf("shared");
    for (let round = 0; round < 5; round++) {
      await fixture.deploy("old", { code });
      const [deployed] = await Promise.all([
        fixture.deploy(`new-${round}`, { code }),
        deleteWorker(fixture.database, { worker: "old", by: fixture.ada }),
      ]);
      const program = await loadProgram(fixture.database, deployed.versionId, deployed.workerId);
      expect(program.code.modules).toHaveLength(1);
      await deleteWorker(fixture.database, { worker: `new-${round}`, by: fixture.ada });
      expect(await count(fixture.database, "blobs")).toBe(0);
    }
  });

  test("lists its versions, the newest first, with size and share", async () => {
    await using fixture = await platform();
    await fixture.deploy("hello", { code: codeOf("12345", "map"), message: "first" });
    await fixture.deploy("hello", { code: codeOf("1"), percent: 25 });
    expect(await listVersions(fixture.database, "hello")).toMatchObject([
      { number: 2, bytes: 1, percent: 25, createdBy: "ada", message: null },
      { number: 1, bytes: 5, percent: 75, message: "first" },
    ]);
    expect(await rejection(listVersions(fixture.database, "nobody"))).toMatchObject({ code: "NOT_FOUND" });
  });

  test("has a version for a preview, live or not, and none that was never there", async () => {
    await using fixture = await platform();
    const first = await fixture.deploy("hello");
    await fixture.deploy("hello");
    expect(await findVersion(fixture.database, "hello", 1)).toMatchObject({
      versionId: first.versionId,
      workerId: first.workerId,
      worker: "hello",
    });
    for (const number of [0, 3, -1, 1.5, 2 ** 31, Number.NaN]) {
      expect(await findVersion(fixture.database, "hello", number)).toBeUndefined();
    }
    expect(await findVersion(fixture.database, "other", 1)).toBeUndefined();
  });
});
