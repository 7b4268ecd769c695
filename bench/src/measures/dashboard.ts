import { Dashboard } from "@openworkers/e2e/dashboard/rig";
import { type Load, measureInteraction, measureLoad, watchSpeed } from "@openworkers/e2e/dashboard/speed";
import { distribution, type Row } from "../report.ts";
import type { BenchSize } from "../size.ts";
import { median } from "../stats.ts";

const maxBytes = 250 * 1_024;
const maxShift = 0.02;
const worker = "hello-js";

/** The dashboard in headless Chromium beside its platform: first visits, and what an act takes to be seen. */
export async function measureDashboard({ rounds }: Pick<BenchSize, "rounds">): Promise<Row[]> {
  const dashboard = await Dashboard.start();
  try {
    await deployAsAda(dashboard);
    const visitor = await dashboard.visitor();
    await watchSpeed(visitor);
    const page = await dashboard.page("/");
    await watchSpeed(page);
    const rows: Row[] = [];
    for (const path of ["/sign-in", "/", `/workers/${worker}`, `/workers/${worker}/editor`]) {
      const loads: Load[] = [];
      for (let round = 0; round < rounds; round++) {
        loads.push(await measureLoad(path === "/sign-in" ? visitor : page, path));
      }
      rows.push(...loadRows(path, loads, path.endsWith("/editor")));
    }
    const link = (name: string) =>
      page.getByRole("navigation", { name: "Main" }).getByRole("link", { name, exact: true });
    const acts: Readonly<Record<string, () => Promise<void>>> = {
      "to the workers": () => link("Workers").click(),
      "to a worker": () => page.getByRole("link", { name: worker, exact: true }).first().click(),
      "to its logs": () => page.getByRole("link", { name: "Logs", exact: true }).last().click(),
      "the palette, and three letters": async () => {
        await page.keyboard.press("Control+K");
        await page.keyboard.type("kvx", { delay: 30 });
        await page.keyboard.press("Escape");
      },
      "to the overview": () => link("Overview").click(),
    };
    const took: Record<string, number[]> = {};
    for (let round = 0; round < rounds; round++) {
      for (const [name, act] of Object.entries(acts)) {
        const times = took[name] ?? [];
        took[name] = times;
        times.push(await measureInteraction(page, act));
      }
    }
    for (const [name, times] of Object.entries(took)) {
      rows.push({ what: `dashboard: ${name}, input to paint`, value: distribution(times, "ms") });
    }
    return rows;
  } finally {
    await dashboard.stop();
  }
}

/** Hers, so that her lists have it: what `ow deploy` makes is the operator's. */
async function deployAsAda({ platform, token }: Dashboard): Promise<void> {
  const form = new FormData();
  const modules = [{ name: "index.js", type: "esModule" }];
  form.set("metadata", JSON.stringify({ modules, compatibilityDate: "2026-11-01" }));
  form.set("index.js", new Blob([`export default { fetch: () => new Response("Hello") };`]));
  const answer = await platform.fetch("api", `/v1/workers/${worker}/versions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: form,
  });
  if (!answer.ok) throw new Error(await answer.text());
}

function loadRows(path: string, loads: readonly Load[], isEditor: boolean): Row[] {
  const of = (key: keyof Load) => loads.map((load) => load[key]);
  const bytes = median(of("bytes"));
  const shift = Math.max(...of("shift"));
  return [
    { what: `dashboard ${path}: first contentful paint`, value: distribution(of("firstPaintMs"), "ms") },
    { what: `dashboard ${path}: largest contentful paint`, value: distribution(of("largestPaintMs"), "ms") },
    { what: `dashboard ${path}: there and quiet`, value: distribution(of("settledMs"), "ms") },
    { what: `dashboard ${path}: main thread blocked`, value: distribution(of("blockedMs"), "ms") },
    {
      what: `dashboard ${path}: bytes of a first visit`,
      value: `${(bytes / 1_024).toFixed(0)} KB in ${median(of("requests"))} answers`,
      ...(isEditor ? {} : { budget: `≤ ${maxBytes / 1_024} KB`, ok: bytes <= maxBytes }),
    },
    {
      what: `dashboard ${path}: layout shift`,
      value: shift.toFixed(4),
      budget: `≤ ${maxShift}`,
      ok: shift <= maxShift,
    },
  ];
}
