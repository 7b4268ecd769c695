import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const source = join(root, "examples");
const written = "worker-configuration.d.ts";

/** The examples that have code; those of files alone have no `env`. */
const names: string[] = [];
for (const entry of await readdir(source, { withFileTypes: true })) {
  const main = ["ts", "js"].map((end) => join(source, entry.name, "src", `index.${end}`));
  if ((await Promise.all(main.map((file) => Bun.file(file).exists()))).includes(true)) names.push(entry.name);
}

/** Workers whose methods others call: `ow types` is told where they are. */
const called: Readonly<Record<string, readonly string[]>> = {
  gated: ["gate"],
  "service-shop": ["service-books"],
};

/** Compiles only if the `Env` that `ow types` writes is what the worker's code takes. */
const given = `import worker from "./src/index";
type Second<Call> = Call extends (request: never, env: infer Taken, ...rest: never[]) => unknown ? Taken : never;
type EnvOf<Worker> = Worker extends abstract new (ctx: never, env: infer Taken) => unknown
  ? Taken
  : Worker extends { fetch?: infer Call } ? Second<NonNullable<Call>> : never;
export const given = (env: Env): EnvOf<typeof worker> => env;
`;

let copy: string;
beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), "ow-types-"));
  await cp(source, join(copy, "examples"), {
    recursive: true,
    filter: (path) => !path.endsWith("node_modules"),
  });
  await symlink(join(root, "node_modules"), join(copy, "node_modules"));
});
afterAll(() => rm(copy, { recursive: true, force: true }));

async function run(command: readonly string[]): Promise<{ code: number; output: string }> {
  const env = { ...process.env, NO_COLOR: "1", OW_HOME: join(copy, "home") };
  const child = Bun.spawn([...command], { cwd: root, env, stdout: "pipe", stderr: "pipe" });
  const [code, stdout, stderr] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
  return { code, output: stdout + stderr };
}

/** Lets `ow types` write its file for a copy of the example. */
async function writeTypes(name: string): Promise<string> {
  const folder = join(copy, "examples", name);
  const others = (called[name] ?? []).flatMap((other) => ["--with", join(copy, "examples", other)]);
  const { code, output } = await run(["npx", "--no-install", "ow", "types", folder, ...others]);
  if (code !== 0) throw new Error(`ow types ${name} ended with ${code}: ${output}`);
  return folder;
}

/** What tsc says of the example with that file; empty when it is content. */
async function compile(folder: string): Promise<string> {
  const tsconfig = {
    compilerOptions: {
      target: "ESNext",
      module: "ESNext",
      moduleResolution: "bundler",
      lib: ["ESNext"],
      types: ["node"],
      strict: true,
      allowJs: true,
      checkJs: true,
      allowImportingTsExtensions: true,
      noEmit: true,
      skipLibCheck: true,
    },
    include: ["src", "given.ts", written],
  };
  await Bun.write(join(folder, "tsconfig.json"), JSON.stringify(tsconfig));
  await Bun.write(join(folder, "given.ts"), given);
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { code, output } = await run([process.execPath, tsc, "--noEmit", "--project", folder]);
  return code === 0 ? "" : output;
}

test.each(names)("%s compiles with the Env that ow types writes for it", async (name) => {
  expect(await compile(await writeTypes(name))).toBe("");
});

test("a binding that the manifest has not is an error, and so is one of another kind", async () => {
  const folder = await writeTypes("kv-many");
  const file = join(folder, written);
  const text = await Bun.file(file).text();
  expect(text).toContain("SETTINGS: KVNamespace;");
  await Bun.write(file, text.replace("SETTINGS: KVNamespace;", ""));
  expect(await compile(folder)).toContain("SETTINGS");
  await Bun.write(file, text.replace("SETTINGS: KVNamespace;", "SETTINGS: R2Bucket;"));
  expect(await compile(folder)).toContain("R2Bucket");
});
