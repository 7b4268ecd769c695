/**
 * Classic BPF as seccomp(2) runs it: `struct sock_filter { u16 code; u8 jt; u8 jf; u32 k; }`, with
 * `struct seccomp_data { u32 nr; u32 arch; u64 instruction_pointer; u64 args[6]; }` as its input.
 */
export interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

// linux/bpf_common.h
const LD_W_ABS = 0x20;
const ALU_AND_K = 0x54;
const JMP_JEQ_K = 0x15;
const JMP_JGE_K = 0x35;
const RET_K = 0x06;

/** Offsets into `struct seccomp_data`. Arguments are little-endian on both architectures. */
export const offsets = {
  nr: 0,
  arch: 4,
  argLow: (index: number) => 16 + 8 * index,
  argHigh: (index: number) => 20 + 8 * index,
};

/** Loads the 32-bit word at `offset`. */
export const load = (offset: number): Instruction => ({ code: LD_W_ABS, jt: 0, jf: 0, k: offset });
export const and = (mask: number): Instruction => ({ code: ALU_AND_K, jt: 0, jf: 0, k: mask });
export const ret = (action: number): Instruction => ({ code: RET_K, jt: 0, jf: 0, k: action });
/** Runs `then` when the loaded word equals `value`, else goes on after it. */
export const ifEqual = (value: number, then: readonly Instruction[]): Instruction[] => [
  { code: JMP_JEQ_K, jt: 0, jf: then.length, k: value },
  ...then,
];
export const ifNotEqual = (value: number, then: readonly Instruction[]): Instruction[] => [
  { code: JMP_JEQ_K, jt: then.length, jf: 0, k: value },
  ...then,
];
export const ifAtLeast = (value: number, then: readonly Instruction[]): Instruction[] => [
  { code: JMP_JGE_K, jt: 0, jf: then.length, k: value },
  ...then,
];

/** The program as the kernel reads it. */
export function assemble(instructions: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [index, { code, jt, jf, k }] of instructions.entries()) {
    view.setUint16(index * 8, code, true);
    view.setUint8(index * 8 + 2, jt);
    view.setUint8(index * 8 + 3, jf);
    view.setUint32(index * 8 + 4, k >>> 0, true);
  }
  return bytes;
}
