import { describe, expect, test } from "bun:test";
import { ensureOperator, listEnvironments, verifyDomain } from "@openworkers/db";
import { codeOf, input, type Subject } from "./subject.ts";

/** Workers, versions, deployments, and what is in their environments. */
export function workersContract(subject: () => Subject): void {
  describe("a deploy", () => {
    test("makes version after version, and a share leaves the rest with what was live", async () => {
      const { backend } = subject();
      expect((await backend.deploy(input())).version).toBe(1);
      expect((await backend.deploy(input({ percent: 25, message: "careful" }))).version).toBe(2);
      const [live] = await backend.deployments("hello");
      expect(live?.shares).toEqual([
        { version: 1, percent: 75 },
        { version: 2, percent: 25 },
      ]);
      expect(
        (await backend.versions("hello")).map(({ version, percent, message }) => [version, percent, message]),
      ).toEqual([
        [2, 25, "careful"],
        [1, 75, undefined],
      ]);
    });

    test("keeps what is known of the code with the version", async () => {
      const { backend } = subject();
      const before = Date.now();
      const { worker, deploymentId } = await backend.deploy(input({ limits: { cpuMs: 50 } }));
      expect(worker).toBe("hello");
      const [version] = await backend.versions("hello");
      expect(version).toMatchObject({
        bytes: "export default {}".length,
        compatibilityDate: "2026-11-01",
        compatibilityFlags: [],
        message: undefined,
      });
      expect(version?.createdAt.getTime()).toBeWithin(before - 60_000, before + 60_000);
      expect((await backend.deployments("hello")).map(({ id }) => id)).toEqual([deploymentId]);
      const details = await backend.worker("hello");
      expect(details).toMatchObject({ versions: 1, live: [{ version: 1, percent: 100 }] });
      expect(details.limits.cpuMs).toBe(50);
      expect((await backend.workers()).map((summary) => summary.worker)).toEqual(["hello"]);
      expect(details.deployedAt).toBeInstanceOf(Date);
    });

    test("with values gives a new worker its environment before it is live", async () => {
      const { backend } = subject();
      const vars = new Map([
        ["A", "plain"],
        ["BOTH", "must not be seen"],
      ]);
      const secrets = new Map([
        ["TOKEN", "s3cret"],
        ["BOTH", "s3cret"],
      ]);
      await backend.deploy(input({ environmentVars: vars, environmentSecrets: secrets }));
      const values = await backend.values("hello");
      expect(values.map(({ name, kind, value }) => [name, kind, value])).toEqual([
        ["A", "var", "plain"],
        ["BOTH", "secret", undefined],
        ["TOKEN", "secret", undefined],
      ]);
      const told = [values, await backend.worker("hello"), await backend.audit(100)];
      expect(JSON.stringify(told)).not.toContain("s3cret");
    });

    test("that fails leaves no environment of a worker that never was", async () => {
      const { backend, database } = subject();
      const broken = input({ environmentVars: new Map([["A", "1"]]), routes: ["not a route"] });
      expect(await codeOf(backend.deploy(broken))).toBe("INVALID_INPUT");
      expect(await listEnvironments(database)).toEqual([]);
      expect(await backend.workers()).toEqual([]);
    });

    test("keeps routes that the manifest says nothing about and replaces those it names", async () => {
      const { backend, database } = subject();
      await backend.deploy(input({ domains: ["hello.example.com"] }));
      const { id: by } = await ensureOperator(database);
      await verifyDomain(database, { hostname: "hello.example.com", by });
      await backend.deploy(input({ routes: ["hello.example.com/a/*"] }));
      await backend.deploy(input());
      expect((await backend.worker("hello")).routes).toEqual(["hello.example.com/a/*"]);
      await backend.deploy(input({ routes: [] }));
      const worker = await backend.worker("hello");
      expect([worker.routes, worker.domains.map(({ hostname }) => hostname)]).toEqual([
        [],
        ["hello.example.com"],
      ]);
    });

    test("under a name that no worker may have is refused", async () => {
      const { backend } = subject();
      for (const worker of ["", "Not A Name", "a".repeat(64), "../x"])
        expect([worker, await codeOf(backend.deploy(input({ worker })))]).toEqual([worker, "INVALID_NAME"]);
    });

    test("of many at once makes a version of each", async () => {
      const { backend } = subject();
      const made = await Promise.all(Array.from({ length: 5 }, () => backend.deploy(input())));
      expect(made.map(({ version }) => version).sort()).toEqual([1, 2, 3, 4, 5]);
    });

    test("names static files whose contents were sent before, and no others", async () => {
      const { backend } = subject();
      const content = new TextEncoder().encode("<h1>hello</h1>");
      const hash = new Bun.CryptoHasher("sha256").update(content).digest("hex");
      const files = [{ path: "/index.html", hash, size: content.byteLength, contentType: "text/html" }];
      const settings = {
        htmlHandling: "auto-trailing-slash",
        notFoundHandling: "none",
        runWorkerFirst: false,
        only: false,
        headers: [],
        redirects: [],
      } as const;
      const assets = { settings: { ...settings, headers: [], redirects: [] }, files };
      expect([...(await backend.missingAssets([hash]))]).toEqual([hash]);
      expect(await codeOf(backend.deploy(input({ assets })))).toBe("CONFLICT");
      expect(await codeOf(backend.uploadAssets(new Map([[hash, content.slice(1)]])))).toBe("INVALID_INPUT");
      await backend.uploadAssets(new Map([[hash, content]]));
      expect([...(await backend.missingAssets([hash]))]).toEqual([]);
      expect((await backend.deploy(input({ assets }))).version).toBe(1);
    });
  });

  describe("bindings", () => {
    const kv = new Map([["KV", { kind: "kv" } as const]]);

    test("of a manifest are made once, told at the deploy, and listed", async () => {
      const { backend } = subject();
      const [first] = (await backend.deploy(input({ bindings: kv }))).bindings;
      expect(first).toMatchObject({ name: "KV", resource: "hello-kv", created: true });
      const [second] = (await backend.deploy(input({ bindings: kv }))).bindings;
      expect(second).toMatchObject({ id: first?.id, created: false });
      const listed = [{ name: "KV", kind: "kv", resource: "hello-kv", source: "version" }];
      expect(await backend.bindings("hello")).toMatchObject(listed);
      expect((await backend.worker("hello")).bindings).toMatchObject(listed);
    });

    test("of the environment go before them, are no values, and give way when they are removed", async () => {
      const { backend } = subject();
      await backend.deploy(input({ bindings: kv }));
      await backend.setVars("hello", new Map([["A", "1"]]));
      await backend.addBindings(
        "hello",
        new Map([
          ["KV", { kind: "worker", worker: "hello" } as const],
          ["MORE", { kind: "kv", namespace: "hello-kv" } as const],
        ]),
      );
      expect(await backend.bindings("hello")).toMatchObject([
        { name: "KV", kind: "worker", resource: "hello", source: "environment" },
        { name: "MORE", kind: "kv", resource: "hello-kv", source: "environment" },
      ]);
      expect((await backend.values("hello")).map(({ name }) => name)).toEqual(["A"]);
      expect(await backend.unset("hello", "var", ["KV", "MORE"])).toEqual([]);
      expect(await backend.removeBindings("hello", ["A", "KV", "MORE", "NONE"])).toEqual(["KV", "MORE"]);
      expect(await backend.bindings("hello")).toMatchObject([{ name: "KV", kind: "kv", source: "version" }]);
      expect((await backend.values("hello")).map(({ name }) => name)).toEqual(["A"]);
    });

    test("to what is not there, or of a worker that is not, are an error", async () => {
      const { backend } = subject();
      await backend.deploy(input());
      const add = (worker: string, namespace: string) =>
        backend.addBindings(worker, new Map([["KV", { kind: "kv", namespace } as const]]));
      expect(await codeOf(add("hello", "nothing"))).toBe("NOT_FOUND");
      expect(await codeOf(add("nobody", "nothing"))).toBe("NOT_FOUND");
      expect(await codeOf(backend.bindings("nobody"))).toBe("NOT_FOUND");
      expect(await backend.bindings("nobody", { missingIsEmpty: true })).toEqual([]);
      expect(await backend.bindings("hello")).toEqual([]);
    });
  });

  describe("values", () => {
    test("of one kind are not removed as the other", async () => {
      const { backend } = subject();
      await backend.deploy(input());
      await backend.setVars("hello", new Map([["A", "1"]]));
      await backend.setSecrets("hello", new Map([["B", "2"]]));
      expect(await backend.unset("hello", "secret", ["A", "B", "C"])).toEqual(["B"]);
      expect((await backend.values("hello")).map(({ name }) => name)).toEqual(["A"]);
    });

    test("of a worker that is not there are an error, or none where that is expected", async () => {
      const { backend } = subject();
      expect(await codeOf(backend.values("nobody"))).toBe("NOT_FOUND");
      expect(await codeOf(backend.setVars("nobody", new Map([["A", "1"]])))).toBe("NOT_FOUND");
      expect(await backend.values("nobody", { missingIsEmpty: true })).toEqual([]);
    });
  });

  test("a deleted worker takes its environment with it, unless another worker uses it", async () => {
    const { backend, database } = subject();
    await backend.deploy(input({ environmentVars: new Map([["A", "1"]]) }));
    await backend.deleteWorker("hello");
    expect(await codeOf(backend.worker("hello"))).toBe("NOT_FOUND");
    expect(await listEnvironments(database)).toEqual([]);
    expect((await backend.deploy(input())).version).toBe(1);
    expect(await backend.values("hello")).toEqual([]);
  });

  test("a deployment of earlier versions is made, and one whose shares are not 100 in all is refused", async () => {
    const { backend } = subject();
    await backend.deploy(input());
    await backend.deploy(input());
    const made = await backend.createDeployment("hello", [{ version: 1, percent: 100 }], "back");
    expect(made).toMatchObject({ shares: [{ version: 1, percent: 100 }], message: "back" });
    expect((await backend.deployments("hello"))[0]).toEqual(made);
    const create = (version: number, percent: number) =>
      backend.createDeployment("hello", [{ version, percent }]);
    expect(await codeOf(create(1, 90))).toBe("INVALID_INPUT");
    expect(await codeOf(create(7, 100))).toBe("NOT_FOUND");
  });

  test("a domain is added, listed by worker and removed; only an operator's needs no proof", async () => {
    const { backend, operator } = subject();
    await backend.deploy(input());
    await backend.addDomain("hello", "Shop.Example.com");
    expect((await backend.domains("hello")).map(({ hostname, verified }) => [hostname, verified])).toEqual([
      ["shop.example.com", operator],
    ]);
    const trust = backend.verifyDomain("shop.example.com", { trust: true });
    if (operator) expect((await trust).verified).toBe(true);
    else expect(await codeOf(trust)).toBe("FORBIDDEN");
    await backend.removeDomain("shop.example.com");
    expect(await backend.domains()).toEqual([]);
    expect(await codeOf(backend.verifyDomain("shop.example.com", { trust: false }))).toBe("NOT_FOUND");
  });

  test("a worker has an id, a log token, a time that its logs are kept, and entries in the audit log", async () => {
    const { backend } = subject();
    await backend.deploy(input());
    const id = await backend.workerId("hello");
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect((await backend.createLogToken(id)).length).toBeGreaterThan(10);
    await backend.setLogRetention("hello", 3);
    await backend.setLogRetention("hello", null);
    expect(await codeOf(backend.setLogRetention("nobody", 3))).toBe("NOT_FOUND");
    const actions = (await backend.audit(100)).map(({ action, subject: about }) => [action, about]);
    expect(actions).toContainEqual(["worker.deploy", "hello"]);
    expect(await backend.audit(1)).toHaveLength(1);
  });
}
