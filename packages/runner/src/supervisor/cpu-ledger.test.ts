import { describe, expect, test } from "bun:test";
import { CpuCredit } from "./cpu-credit.ts";
import { CpuLedger } from "./cpu-ledger.ts";

const limitMs = 100;
const nothing = new CpuCredit();

describe("CpuLedger", () => {
  test("a request alone in its cell is billed for exactly what the cell used", () => {
    const ledger = new CpuLedger(1_000, 0, nothing);
    const account = ledger.open(0, 1_000);
    ledger.charge(10, 1_007.5);
    ledger.close(account, 20, 1_012, limitMs);
    expect(account.cpuMs).toBe(12);
  });

  test("what is billed to the requests together is what the cell used", () => {
    const ledger = new CpuLedger(0, 0, nothing);
    const accounts = [ledger.open(0, 0), ledger.open(3, 1), ledger.open(4, 2)];
    ledger.charge(50, 40);
    expect(accounts.reduce((sum, account) => sum + account.cpuMs, 0)).toBeCloseTo(40, 9);
  });

  test("a stream open for an hour is not billed for ten thousand short neighbours", () => {
    const hour = 3_600_000;
    const ledger = new CpuLedger(0, 0, nothing);
    const stream = ledger.open(0, 0);
    let cpu = 0;
    for (let index = 0; index < 10_000; index += 1) {
      const at = hour + index * 2;
      const short = ledger.open(at, cpu);
      cpu += 0.5;
      ledger.close(short, at + 1, cpu, limitMs);
      expect(short.cpuMs).toBeGreaterThan(0.49);
    }
    expect(stream.cpuMs).toBeLessThan(1);
  });

  test("CPU used with nothing in flight is background work, on the budgets the requests left", () => {
    const ledger = new CpuLedger(0, 0, nothing);
    const account = ledger.open(0, 0);
    ledger.close(account, 10, 30, limitMs);
    ledger.charge(100, 55);
    expect(ledger.backgroundMs).toBe(25);
    expect(ledger.backgroundBudgetMs).toBe(70);
  });

  test("a cell's CPU clock that stands still bills nobody", () => {
    const ledger = new CpuLedger(5, 0, nothing);
    const account = ledger.open(0, 5);
    ledger.charge(1_000, 5);
    expect(account.cpuMs).toBe(0);
  });
});
