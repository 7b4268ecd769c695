import { expect, test } from "bun:test";
import { program, testCells } from "../testing/test-cells.ts";

const hoarder = `const kept = [];
export default { fetch() {
  let refused = "";
  try { for (;;) kept.push(new Uint8Array(2 ** 20).fill(1)); } catch (error) { refused = error.name; }
  return Response.json({ mebibytes: kept.length, refused });
} }`;

test("array buffers are refused at the limit and the 32 MiB of workerd's own, and no later", async () => {
  const limit = 96;
  await using cells = await testCells();
  await using one = await cells.start(program(hoarder), { memoryBytes: limit * 2 ** 20 });
  const { mebibytes, refused } = (await (await one.fetch()).json()) as { mebibytes: number; refused: string };
  expect(refused).toBe("RangeError");
  expect(mebibytes).toBeGreaterThan(limit / 2);
  // The floor was measured in another cell: allocators map a few MiB more or less from one start to the next.
  expect(mebibytes).toBeLessThanOrEqual(limit + 32 + 4);
});
