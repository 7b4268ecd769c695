import { chmodSync, writeFileSync } from "node:fs";

/**
 * Writes a static ELF executable at `path` that makes one system call and exits: with the error number, or
 * with 256 less the result when there is no error. So a test sees what the sandbox answers a native
 * attacker, whom no worker can play.
 */
export function writeProbe(path: string, number: number, args: readonly number[]): void {
  const code = process.arch === "arm64" ? aarch64(number, args) : x86_64(number, args);
  const headers = 64 + 56;
  const base = 0x400000n;
  const file = new Uint8Array(headers + code.length);
  const view = new DataView(file.buffer);
  // ELF64, little-endian (elf(5)): e_ident, then an executable with one program header.
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, process.arch === "arm64" ? 183 : 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, base + BigInt(headers), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  // PT_LOAD, readable and executable, the whole file.
  view.setUint32(64, 1, true);
  view.setUint32(68, 5, true);
  view.setBigUint64(80, base, true);
  view.setBigUint64(88, base, true);
  view.setBigUint64(96, BigInt(file.length), true);
  view.setBigUint64(104, BigInt(file.length), true);
  view.setBigUint64(112, 0x1000n, true);
  file.set(code, headers);
  writeFileSync(path, file);
  chmodSync(path, 0o755);
}

function x86_64(number: number, args: readonly number[]): number[] {
  const word = (value: number) => [...new Uint8Array(new Uint32Array([value]).buffer)];
  // mov r32, imm32: eax; then edi, esi, edx, r10d, r8d, r9d for the arguments.
  const registers = [[0xbf], [0xbe], [0xba], [0x41, 0xba], [0x41, 0xb8], [0x41, 0xb9]];
  const loads = registers.flatMap((opcode, index) => [...opcode, ...word(args[index] ?? 0)]);
  const syscall = [0x0f, 0x05];
  const exitWithNegated = [0x89, 0xc7, 0xf7, 0xdf, 0xb8, ...word(231)];
  return [...loads, 0xb8, ...word(number), ...syscall, ...exitWithNegated, ...syscall];
}

function aarch64(number: number, args: readonly number[]): number[] {
  const move = (register: number, value: number) => [
    (0xd2800000 | ((value & 0xffff) << 5) | register) >>> 0,
    (0xf2a00000 | ((value >>> 16) << 5) | register) >>> 0,
  ];
  const supervisorCall = 0xd4000001;
  const negate = 0xcb0003e0;
  const words = [
    ...Array.from({ length: 6 }, (_, index) => move(index, args[index] ?? 0)).flat(),
    ...move(8, number),
    supervisorCall,
    negate,
    ...move(8, 94),
    supervisorCall,
  ];
  return [...new Uint8Array(new Uint32Array(words).buffer)];
}
