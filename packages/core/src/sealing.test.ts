import { describe, expect, test } from "bun:test";
import { isOpenWorkersError } from "./errors.ts";
import { newId } from "./ids.ts";
import { generateSealingKey, open, parseSealingKey, seal, sealedFor, sealingOverhead } from "./sealing.ts";

const newKey = async () => parseSealingKey(await generateSealingKey());
const context = { environmentId: newId<"environment">(), name: "API_KEY" };

async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => `opened: ${String(value)}`,
    (thrown: unknown) => (isOpenWorkersError(thrown, "SECRET_UNREADABLE") ? "refused" : thrown),
  );
}

describe("a sealed value", () => {
  test("opens with its key, in its place, to the same text", async () => {
    const key = await newKey();
    for (const text of ["", "hunter2", "línea\nπ 😀\u0000", "x".repeat(65_536)]) {
      expect(await open([key], await seal(key.publicKey, text, context), context)).toBe(text);
    }
  });

  test("names its key, does not show the text, and is never the same twice", async () => {
    const key = await newKey();
    const [one, two] = await Promise.all([1, 2].map(() => seal(key.publicKey, "correct horse", context)));
    if (one === undefined || two === undefined) throw new Error("nothing was sealed");
    expect(sealedFor(one)).toBe(key.id);
    expect(one.byteLength).toBe(sealingOverhead + "correct horse".length);
    expect(Buffer.from(one).includes("correct")).toBe(false);
    expect(Buffer.from(one).equals(two)).toBe(false);
  });

  test("opens with whichever of several keys it was sealed for", async () => {
    const [first, second] = [await newKey(), await newKey()];
    const sealed = await seal(second.publicKey, "text", context);
    expect(await open([first, second], sealed, context)).toBe("text");
  });

  test("does not open without its key, which the error names", async () => {
    const key = await newKey();
    const sealed = await seal(key.publicKey, "text", context);
    const other = await newKey();
    expect(await open([other], sealed, context).catch((thrown: unknown) => thrown)).toMatchObject({
      code: "SECRET_UNREADABLE",
      details: { keyId: key.id },
    });
    const impostor = { ...other, id: key.id };
    expect(await refusal(open([impostor], sealed, context))).toBe("refused");
  });

  test("does not open in another environment or under another name", async () => {
    const key = await newKey();
    const sealed = await seal(key.publicKey, "text", context);
    const elsewhere = [
      { ...context, environmentId: newId<"environment">() },
      { ...context, name: "API_KEY2" },
      { ...context, name: "api_key" },
      { ...context, name: "" },
    ];
    for (const place of elsewhere) expect(await refusal(open([key], sealed, place))).toBe("refused");
  });

  test("does not open when any one of its bytes was changed", async () => {
    const key = await newKey();
    const sealed = await seal(key.publicKey, "text", context);
    for (let at = 0; at < sealed.byteLength; at++) {
      const changed = new Uint8Array(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(`byte ${at}: ${await refusal(open([key], changed, context))}`).toBe(`byte ${at}: refused`);
    }
  });

  test("does not open when it was cut short or made longer", async () => {
    const key = await newKey();
    const sealed = await seal(key.publicKey, "text", context);
    for (const length of [0, 1, 9, 74, 86, sealingOverhead - 1, sealed.byteLength - 1]) {
      expect(await refusal(open([key], sealed.subarray(0, length), context))).toBe("refused");
    }
    expect(await refusal(open([key], Buffer.concat([sealed, new Uint8Array(1)]), context))).toBe("refused");
  });
});

describe("a secret key", () => {
  test("is the same key whenever its text is read", async () => {
    const text = await generateSealingKey();
    const [one, two] = [await parseSealingKey(text), await parseSealingKey(text)];
    expect(one.id).toBe(two.id);
    expect(one.id).toMatch(/^[0-9a-f]{16}$/);
    expect(one.publicKey).toEqual(two.publicKey);
    expect(await open([two], await seal(one.publicKey, "text", context), context)).toBe("text");
  });

  test("cannot be taken out of the process again", async () => {
    const { privateKey } = await newKey();
    expect(privateKey.extractable).toBe(false);
  });

  test("that cannot be read is refused without being repeated", async () => {
    const text = await generateSealingKey();
    for (const broken of ["", "owsk_", "hunter2-secret", text.slice(0, -9), text.slice(5), `${text}!`]) {
      const thrown = await parseSealingKey(broken).catch((error: unknown) => error);
      expect(isOpenWorkersError(thrown, "CONFIG_INVALID")).toBe(true);
      if (broken.length > 6) expect(Bun.inspect(thrown)).not.toContain(broken);
    }
  });
});
