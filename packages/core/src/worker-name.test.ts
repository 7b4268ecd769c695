import { describe, expect, test } from "bun:test";
import { OpenWorkersError } from "./errors.ts";
import { parseHostLabel, parseWorkerName, previewLabel } from "./worker-name.ts";

function refused(name: string): string {
  try {
    return `${parseWorkerName(name)} was taken`;
  } catch (error) {
    return error instanceof OpenWorkersError ? error.code : String(error);
  }
}

describe("a worker's name", () => {
  const names = ["a", "shop", "shop-2", "worker_b", "a__b", "a_-b", "0", "x".repeat(50)];

  test.each(names)("may be %p, and is found by its host and by its previews'", (name) => {
    expect(parseWorkerName(name)).toBe(name);
    expect(parseHostLabel(name)).toEqual({ worker: name });
    const preview = previewLabel(12, name);
    expect(preview.length).toBeLessThanOrEqual(63);
    expect(parseHostLabel(preview)).toEqual({ worker: name, version: 12 });
  });

  test.each(["", "-a", "a-", "_a", "a_", "a--b", "A", "a.b", "a b", "ü", "a\n", "../a", "x".repeat(51)])(
    "is not %p",
    (name) => {
      expect(refused(name)).toBe("INVALID_NAME");
      expect(parseHostLabel(name)).toBeUndefined();
    },
  );

  test.each(["api", "www", "ow"])("is not the platform's own %p", (name) => {
    expect(refused(name)).toBe("INVALID_NAME");
  });
});
