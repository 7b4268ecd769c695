import {
  generateSealingKey,
  isOpenWorkersError,
  OpenWorkersError,
  open,
  parseSealingKey,
  type SealingContext,
  type SealingKey,
} from "@openworkers/core";
import { KeyFile } from "./key-file.ts";

export interface SecretKeysOptions {
  /** The value of `OW_SECRET_KEY`: one or several keys separated by commas or spaces, the active one first. */
  readonly secretKey?: string | undefined;
  /** Where the file with the keys is when `secretKey` is not given; it is made when it is not there. */
  readonly directory: string;
}

/** The private keys of this platform: what opens secrets. They never leave the process, nor its data directory. */
export class SecretKeys {
  readonly #file: KeyFile | undefined;
  #keys: readonly SealingKey[];

  private constructor(keys: readonly SealingKey[], file: KeyFile | undefined) {
    this.#keys = keys;
    this.#file = file;
  }

  /**
   * Reads the keys, and makes the first one when there is none.
   *
   * @throws OpenWorkersError CONFIG_INVALID when one cannot be read, or others may read the file.
   */
  static async load({ secretKey, directory }: SecretKeysOptions): Promise<SecretKeys> {
    const given = secretKey?.split(/[\s,]+/).filter((text) => text !== "") ?? [];
    if (given.length > 0) return new SecretKeys(await parseAll(given), undefined);
    const file = new KeyFile(directory);
    if (file.read().length === 0) file.create(await generateSealingKey());
    return new SecretKeys(await parseAll(file.read()), file);
  }

  /** All keys that open something, the newest first. */
  get keys(): readonly SealingKey[] {
    return this.#keys;
  }

  /**
   * Opens a sealed value. A key that this process does not know may have come to the file since.
   *
   * @throws OpenWorkersError SECRET_UNREADABLE
   */
  async open(sealed: Uint8Array, context: SealingContext): Promise<string> {
    try {
      return await open(this.#keys, sealed, context);
    } catch (thrown) {
      if (this.#file === undefined || !isOpenWorkersError(thrown, "SECRET_UNREADABLE")) throw thrown;
      if (thrown.details?.keyId === undefined) throw thrown;
      await this.reload();
      return open(this.#keys, sealed, context);
    }
  }

  /** Reads the file again; keys from `OW_SECRET_KEY` stay what they were. */
  async reload(): Promise<void> {
    if (this.#file !== undefined) this.#keys = await parseAll(this.#file.read());
  }

  /**
   * Makes a new key and writes it to the file, before the others. Only under the lock of a rotation.
   *
   * @throws OpenWorkersError CONFIG_INVALID when the keys are not ours to change.
   */
  async add(): Promise<SealingKey> {
    if (this.#file === undefined) {
      throw new OpenWorkersError("CONFIG_INVALID", "OW_SECRET_KEY holds no new key to rotate to.", {
        hint: "Put a new key before the present one there, restart all runners with both, and rotate again.",
      });
    }
    const text = await generateSealingKey();
    const key = await parseSealingKey(text);
    this.#file.replace([text, ...this.#file.read()]);
    await this.reload();
    return key;
  }

  /** Removes all keys but these from the file. Only under the lock of a rotation. */
  async keepOnly(ids: ReadonlySet<string>): Promise<void> {
    if (this.#file === undefined) return;
    const kept: string[] = [];
    for (const text of this.#file.read()) {
      if (ids.has((await parseSealingKey(text)).id)) kept.push(text);
    }
    this.#file.replace(kept);
    await this.reload();
  }
}

function parseAll(texts: readonly string[]): Promise<SealingKey[]> {
  return Promise.all(texts.map(parseSealingKey));
}
