import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Message } from "capnp-es";
import { program } from "../testing/test-cells.ts";
import { encodeConfig } from "./encode-config.ts";
import { Config } from "./generated/workerd.js";

describe("the generated configuration classes", () => {
  test("are those of the installed workerd: run scripts/generate-workerd-config after an update", () => {
    const schema = readFileSync(createRequire(import.meta.url).resolve("workerd/workerd.capnp"));
    const generatedFrom = readFileSync(new URL("./generated/schema.sha256", import.meta.url), "utf8").trim();
    expect(createHash("sha256").update(schema).digest("hex")).toBe(generatedFrom);
  });
});

describe("a cell's configuration", () => {
  const encode = (given = program("export default {}")) =>
    new Message(
      encodeConfig(given, {
        socketsDirectory: "/sockets",
        bindings: new Map(),
        aliveDirectory: "/alive",
        compatibilityFlags: [],
        doors: [],
        v8Flags: ["--max-old-space-size=1"],
        prelude: [{ name: "first.js", type: "esModule", content: new TextEncoder().encode("0") }],
      }),
      false,
    ).getRoot(Config);

  test("sends everything out through the egress socket, as a proxy", () => {
    const services = [...encode().services];
    expect(services.map((service) => service.name)).toEqual(["user", "internet", "alive", "binding:cache:"]);
    expect(services[0]?.worker.globalOutbound.name).toBe("internet");
    expect(services[1]?.external.address).toBe("unix:/sockets/egress");
  });

  test("keeps whatever a user chose as a value", () => {
    const nasty = '"), (name = "x", network = (allow = ["private"]))\0';
    const config = encode(
      program("export default {}", {
        modules: { [nasty]: nasty },
        env: new Map([[nasty, { kind: "text", value: nasty }]]),
      }),
    );
    const worker = config.services.get(0).worker;
    expect(config.services.length).toBe(4);
    expect([...worker.modules].map((module) => module.name)).toEqual(["first.js", "index.js", nasty]);
    expect(worker.bindings.get(0).name).toBe(nasty);
    expect(worker.bindings.get(0).text).toBe(nasty);
  });
});
