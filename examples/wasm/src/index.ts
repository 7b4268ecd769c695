import { bitmap } from "./bitmap.ts";
import mandelbrot from "./mandelbrot.wasm";

const width = 256;
const height = 192;
const iterations = 60;

interface Exports {
  readonly memory: WebAssembly.Memory;
  draw(width: number, height: number, iterations: number): void;
}

// Instantiated once, when the worker starts; every request uses the same memory, and none awaits in between.
const { memory, draw } = new WebAssembly.Instance(mandelbrot).exports as unknown as Exports;

export default {
  fetch(): Response {
    draw(width, height, iterations);
    return new Response(bitmap(new Uint8Array(memory.buffer, 0, width * height), width, height), {
      headers: { "content-type": "image/bmp" },
    });
  },
} satisfies ExportedHandler;
