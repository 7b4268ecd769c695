import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateSealingKey, newId, seal } from "@openworkers/core";
import { rejection } from "../stores/testing/fixtures.ts";
import { temporaryDirectory } from "../testing.ts";
import { SecretKeys } from "./secret-keys.ts";

const context = { environmentId: newId<"environment">(), name: "TOKEN" };

describe("secret keys", () => {
  test("are made once, in a file that only its owner may read", async () => {
    const directory = temporaryDirectory();
    const loaded = await Promise.all(Array.from({ length: 5 }, () => SecretKeys.load({ directory })));
    expect(new Set(loaded.map(({ keys }) => keys[0]?.id)).size).toBe(1);
    expect(statSync(join(directory, "secret-key")).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory).filter((name) => name.startsWith("secret-key"))).toEqual(["secret-key"]);
  });

  test("that others may read are refused", async () => {
    const directory = temporaryDirectory();
    await SecretKeys.load({ directory });
    chmodSync(join(directory, "secret-key"), 0o640);
    expect(await rejection(SecretKeys.load({ directory }))).toMatchObject({ code: "CONFIG_INVALID" });
  });

  test("from OW_SECRET_KEY are used instead of a file, the first one first", async () => {
    const directory = temporaryDirectory();
    const texts = [await generateSealingKey(), await generateSealingKey()];
    const given = await SecretKeys.load({ secretKey: ` ${texts.join(" ,\n")} `, directory });
    const alone = await Promise.all(texts.map((secretKey) => SecretKeys.load({ secretKey, directory })));
    expect(given.keys.map(({ id }) => id)).toEqual(alone.flatMap(({ keys }) => keys.map(({ id }) => id)));
    expect(readdirSync(directory)).not.toContain("secret-key");
  });

  test("that cannot be read are refused without being shown", async () => {
    const directory = temporaryDirectory();
    const secretKey = `owsk_${"A".repeat(100)}`;
    const thrown = await rejection(SecretKeys.load({ secretKey, directory }));
    expect(thrown).toMatchObject({ code: "CONFIG_INVALID" });
    expect(Bun.inspect(thrown)).not.toContain("AAAA");
  });

  test("that came to the file later are found when they are needed", async () => {
    const directory = temporaryDirectory();
    const before = await SecretKeys.load({ directory });
    const path = join(directory, "secret-key");
    const added = await generateSealingKey();
    writeFileSync(path, `${added}\n${readFileSync(path, "utf8")}`);
    const [newest] = (await SecretKeys.load({ directory })).keys;
    if (newest === undefined) throw new Error("no key");
    expect(await before.open(await seal(newest.publicKey, "text", context), context)).toBe("text");
  });
});
