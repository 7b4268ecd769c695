import { describe, expect, test } from "bun:test";
import { CpuCredit, earnedMs, warmUpMs } from "./cpu-credit.ts";
import { CpuLedger } from "./cpu-ledger.ts";

const MiB = 2 ** 20;
const limitMs = 100;

describe("CpuCredit", () => {
  test("pays as far as what was earned goes, and once", () => {
    const credit = new CpuCredit();
    credit.moved(MiB, 2 * MiB);
    const earned = earnedMs(MiB, 2 * MiB);
    expect(earned).toBeGreaterThan(0);
    expect(credit.pay(earned - 1)).toBe(earned - 1);
    expect(credit.pay(10)).toBe(1);
    expect(credit.pay(10)).toBe(0);
  });

  test("pays for all that was used while many bytes were moved, and keeps 250 ms of the rest", () => {
    const credit = new CpuCredit();
    credit.moved(1_000 * MiB, 0);
    expect(credit.pay(2_000)).toBe(2_000);
    expect(credit.pay(2_000)).toBe(250);
    expect(credit.pay(2_000)).toBe(0);
  });

  test("bytes that move while the cell computes nothing are not saved up beyond that either", () => {
    const credit = new CpuCredit();
    for (let turn = 0; turn < 100; turn += 1) {
      credit.moved(100 * MiB, 100 * MiB);
      credit.pay(0);
    }
    expect(credit.pay(10_000)).toBe(250);
  });
});

describe("what a cell has for getting ready", () => {
  test("grows with its code and not with its data, and pays once, before what it earned", () => {
    const code = { name: "index.js", type: "esModule", content: new Uint8Array(2 * MiB) } as const;
    const data = { name: "a.bin", type: "data", content: new Uint8Array(8 * MiB) } as const;
    expect(warmUpMs([code, data])).toBe(200);
    const credit = new CpuCredit(100);
    credit.moved(MiB, 0);
    expect(credit.pay(60)).toBe(60);
    expect(credit.warmingMs).toBe(60);
    expect(credit.pay(50)).toBe(50);
    expect(credit.pay(1_000)).toBeCloseTo(earnedMs(MiB, 0) - 10, 9);
    expect(credit.warmingMs).toBe(100);
    expect(credit.pay(1_000)).toBe(0);
  });
});

describe("a ledger whose cell has earned something", () => {
  test("bills what was used, with credit for the part that was paid", () => {
    const credit = new CpuCredit();
    const ledger = new CpuLedger(0, 0, credit);
    const account = ledger.open(0, 0);
    credit.moved(MiB, 0);
    ledger.charge(10, 50);
    expect(account).toMatchObject({ cpuMs: 50, creditMs: earnedMs(MiB, 0) });
  });

  test("shares what was paid as it shares what was used: nobody has more credit of it than he was billed", () => {
    const credit = new CpuCredit();
    const ledger = new CpuLedger(0, 0, credit);
    const accounts = [ledger.open(0, 0), ledger.open(500, 0), ledger.open(990, 0)];
    credit.moved(MiB, 0);
    ledger.charge(1_000, 40);
    const paid = earnedMs(MiB, 0);
    for (const { cpuMs, creditMs } of accounts) expect(creditMs).toBeCloseTo((cpuMs * paid) / 40, 9);
    expect(accounts.reduce((sum, { creditMs }) => sum + creditMs, 0)).toBeCloseTo(paid, 9);
    expect(accounts.reduce((sum, { cpuMs }) => sum + cpuMs, 0)).toBeCloseTo(40, 9);
  });

  test("counts as background work only what is not paid for", () => {
    const credit = new CpuCredit();
    const ledger = new CpuLedger(0, 0, credit);
    ledger.close(ledger.open(0, 0), 10, 10, limitMs);
    credit.moved(MiB, 0);
    ledger.charge(100, 60);
    expect(ledger.backgroundMs).toBeCloseTo(50 - earnedMs(MiB, 0), 9);
  });
});
