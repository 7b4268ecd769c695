import { expect, test } from "bun:test";
import { FrameBoundaries, goingAwayFrame } from "./frame-boundaries.ts";

/** A frame with `length` bytes of payload, all of them 0x88: what a Close frame begins with. */
function frame(length: number, masked = false): Uint8Array {
  const mask = masked ? 0x80 : 0;
  const head =
    length < 126
      ? [0x82, mask | length]
      : length < 65_536
        ? [0x82, mask | 126, length >> 8, length & 0xff]
        : [0x82, mask | 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 0xff, length & 0xff];
  return Uint8Array.from([...head, ...(masked ? [1, 2, 3, 4] : []), ...new Uint8Array(length).fill(0x88)]);
}

const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000];

test("the end of a frame is found, whatever its length and however it is cut", () => {
  for (const masked of [false, true]) {
    for (const length of lengths) {
      const bytes = frame(length, masked);
      for (const cut of [1, 2, 3, 9, Math.floor(bytes.length / 2), bytes.length - 1]) {
        if (cut >= bytes.length) continue;
        const boundaries = new FrameBoundaries();
        expect(boundaries.follow(bytes.subarray(0, cut))).toBe(-1);
        expect(boundaries.between).toBe(false);
        expect(boundaries.follow(bytes.subarray(cut))).toBe(bytes.length - cut);
        expect(boundaries.between).toBe(true);
      }
    }
  }
});

test("of many frames in one read the first end is told, and the last one followed", () => {
  const all = Buffer.concat([...lengths.map((length) => frame(length)), goingAwayFrame]);
  const boundaries = new FrameBoundaries();
  expect(boundaries.follow(all)).toBe(2);
  expect(boundaries.between).toBe(true);
  expect(boundaries.follow(Buffer.concat([all, frame(5).subarray(0, 4)]))).toBe(2);
  expect(boundaries.between).toBe(false);
  expect(boundaries.follow(frame(5).subarray(4))).toBe(3);
});

test("bytes one at a time are followed to the same ends", () => {
  const boundaries = new FrameBoundaries();
  let ends = 0;
  for (const byte of Buffer.concat([frame(3), frame(126), frame(0)])) {
    if (boundaries.follow(Uint8Array.of(byte)) === 1) ends++;
  }
  expect([ends, boundaries.between]).toEqual([3, true]);
});
