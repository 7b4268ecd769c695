import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf, OpenWorkersError } from "@openworkers/core";
import type { z } from "zod";

const extension = ".json";

/** Small JSON files of one kind, by name, in a folder that this user alone may open: they hold passwords and tokens. */
export class PrivateFiles<Schema extends z.ZodType> {
  readonly #folder: () => string;
  readonly #schema: Schema;
  readonly #what: string;

  /** @param what a file is, as it is called when it cannot be read: `a profile` */
  constructor(folder: () => string, schema: Schema, what: string) {
    this.#folder = folder;
    this.#schema = schema;
    this.#what = what;
  }

  /** Writes a file whole: a reader sees the old one or the new one, never half of one. */
  async write(name: string, value: z.input<Schema>): Promise<void> {
    await writePrivately(this.#path(name), `${JSON.stringify(value, null, 2)}\n`);
  }

  /** Undefined when there is none. @throws OpenWorkersError CONFIG_INVALID */
  async read(name: string): Promise<z.output<Schema> | undefined> {
    const path = this.#path(name);
    const text = await unlessMissing(readFile(path, "utf8"), path);
    if (text === undefined) return undefined;
    try {
      return this.#schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new OpenWorkersError(
        "CONFIG_INVALID",
        `${path} is not ${this.#what} that this release can read.`,
        {
          hint: `Remove it: rm ${path}`,
          cause,
        },
      );
    }
  }

  /** Every file, by name. @throws OpenWorkersError CONFIG_INVALID */
  async all(): Promise<z.output<Schema>[]> {
    const files = (await unlessMissing(readdir(this.#folder()), this.#folder())) ?? [];
    const names = files.filter((file) => file.endsWith(extension)).sort();
    const found = await Promise.all(names.map((file) => this.read(basename(file, extension))));
    return found.filter((value) => value !== undefined);
  }

  /** Whether there was one. */
  async remove(name: string): Promise<boolean> {
    const path = this.#path(name);
    const there = (await unlessMissing(stat(path), path)) !== undefined;
    await rm(path, { force: true });
    return there;
  }

  #path(name: string): string {
    return join(this.#folder(), name + extension);
  }
}

/** Writes a file that this user alone may read, into a folder that they alone may open. */
export async function writePrivately(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await chmod(dirname(path), 0o700);
  const draft = `${path}.${process.pid}.new`;
  await writeFile(draft, text, { mode: 0o600 });
  await rename(draft, path);
}

/** Undefined when it is not there; a file that may not be read is not one that is missing. */
export async function unlessMissing<T>(reading: Promise<T>, path: string): Promise<T | undefined> {
  try {
    return await reading;
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT") return undefined;
    throw new OpenWorkersError("CONFIG_INVALID", `${path} cannot be read (${code ?? messageOf(cause)}).`, {
      hint: "Run ow as the user who started the platform, or set OW_HOME to a directory of your own.",
      cause,
    });
  }
}
