import { mkdtempSync } from "node:fs";
import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export interface TestFolder extends AsyncDisposable {
  readonly path: string;
  write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void>;
}

const repositoryPackages = join(import.meta.dir, "../../../../node_modules");

/** A temporary folder with `files`; with `packages`, the repository's npm packages are installed in it. */
export async function testFolder(
  files: Readonly<Record<string, string | Uint8Array>> = {},
  options: { readonly packages?: boolean } = {},
): Promise<TestFolder> {
  const folder = emptyFolder();
  await folder.write(files);
  if (options.packages) await symlink(repositoryPackages, join(folder.path, "node_modules"));
  return folder;
}

/** A temporary folder with nothing in it yet. */
export function emptyFolder(): TestFolder {
  const path = mkdtempSync(join(tmpdir(), "ow-test-"));
  return {
    path,
    async write(files) {
      for (const [name, content] of Object.entries(files)) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await writeFile(join(path, name), content);
      }
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

/** `(module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))` */
export const addWasm = Uint8Array.fromHex(
  "0061736d0100000001070160027f7f017f030201000707010361646400000a09010700200020016a0b",
);
