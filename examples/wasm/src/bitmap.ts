const headerBytes = 54;
const paletteBytes = 256 * 4;

/** A BMP file with 8 bits per pixel and a palette from dark blue to white, black for 255. Rows must be a multiple of 4 long. */
export function bitmap(pixels: Uint8Array, width: number, height: number): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(headerBytes + paletteBytes + pixels.length);
  const view = new DataView(file.buffer);
  view.setUint16(0, 0x424d); // "BM"
  view.setUint32(2, file.length, true);
  view.setUint32(10, headerBytes + paletteBytes, true);
  view.setUint32(14, 40, true); // size of the BITMAPINFOHEADER that starts here
  view.setInt32(18, width, true);
  view.setInt32(22, -height, true); // negative: the first row is the top one
  view.setUint16(26, 1, true);
  view.setUint16(28, 8, true);
  for (let shade = 0; shade < 255; shade++) {
    file.set([Math.min(255, 64 + shade * 2), shade, Math.min(255, shade * 3), 0], headerBytes + shade * 4);
  }
  file.set(pixels, headerBytes + paletteBytes);
  return file;
}
