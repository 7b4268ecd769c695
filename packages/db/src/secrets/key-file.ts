import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import { errorCode } from "../faults.ts";

/**
 * A file of private keys, one in a line, that only its owner may read. It is written whole under another name
 * first, so whoever reads it finds what was there before or what is there after, never less.
 */
export class KeyFile {
  readonly path: string;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.path = join(directory, "secret-key");
  }

  /** The keys, newest first; none when the file is not there. @throws OpenWorkersError CONFIG_INVALID. */
  read(): string[] {
    try {
      if ((statSync(this.path).mode & 0o077) !== 0) {
        throw new OpenWorkersError("CONFIG_INVALID", `Others than its owner may use ${this.path}.`, {
          hint: `If nobody else has read it, run: chmod 600 ${this.path}`,
        });
      }
      return readFileSync(this.path, "utf8")
        .split("\n")
        .filter((line) => line !== "");
    } catch (thrown) {
      if (errorCode(thrown) === "ENOENT") return [];
      throw thrown;
    }
  }

  /** Makes the file with `key` unless there is one: of two at once, one wins and the other reads what it wrote. */
  create(key: string): void {
    const temporary = this.#writeTemporary([key]);
    try {
      linkSync(temporary, this.path);
    } catch (thrown) {
      if (errorCode(thrown) !== "EEXIST") throw thrown;
    } finally {
      rmSync(temporary);
    }
    this.#syncDirectory();
  }

  replace(keys: readonly string[]): void {
    renameSync(this.#writeTemporary(keys), this.path);
    this.#syncDirectory();
  }

  #writeTemporary(keys: readonly string[]): string {
    const temporary = `${this.path}.${process.pid}-${randomBytes(4).toString("hex")}`;
    writeFileSync(temporary, `${keys.join("\n")}\n`, { mode: 0o600, flag: "wx", flush: true });
    return temporary;
  }

  // The new name must be on the disk before the database holds anything that only the new key opens.
  #syncDirectory(): void {
    const fd = openSync(dirname(this.path), "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }
}
