import { beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { hookMs, sharedPlatform } from "../testing/shared-platform.ts";

const { home } = sharedPlatform();

beforeAll(async () => {
  await write("export default { scheduled() {} }", ["0 6 * * *", "0 7 * * *"]);
  await home.json("deploy", "worker");
}, hookMs);

/** Writes the worker, whose manifest has these crons. */
async function write(code: string, crons: readonly string[]): Promise<void> {
  const folder = join(home.folder.path, "worker");
  await Bun.write(join(folder, "index.js"), code);
  const manifest = { name: "hello", main: "index.js", compatibility_date: "2026-11-01", triggers: { crons } };
  await Bun.write(join(folder, "wrangler.json"), JSON.stringify(manifest));
}

interface Cron {
  readonly id: string;
  readonly expression: string;
  readonly source: string;
}

const expressions = async () =>
  (await home.json<Cron[]>("crons", "list", "hello")).map(({ expression }) => expression);

describe("ow crons", () => {
  test("lists the manifest's crons, which a deploy replaces and a user's survive", async () => {
    expect(await expressions()).toEqual(["0 6 * * *", "0 7 * * *"]);
    const added = await home.json("crons", "add", "hello", "0 9 * * mon-fri", "--timezone", "Europe/Berlin");
    expect(added).toMatchObject({ source: "user", timezone: "Europe/Berlin", retries: 0, late: "once" });
    await write("export default { scheduled() {} }", ["0 7 * * *"]);
    const [, kept] = await home.json<Cron[]>("crons", "list", "hello");
    await home.json("deploy", "worker");
    expect(await home.json<Cron[]>("crons", "list", "hello")).toMatchObject([
      { id: kept?.id, expression: "0 7 * * *", source: "manifest" },
      { expression: "0 9 * * mon-fri", source: "user" },
    ]);
    const { stdout } = await home.ow(["crons"]);
    expect(stdout).toMatch(/^WORKER\s+CRON\s+TIME ZONE\s+NEXT\s+FROM/);
    expect(stdout).toMatch(
      /hello\s+0 9 \* \* mon-fri\s+Europe\/Berlin\s+(Mon|Tue|Wed|Thu|Fri) \d+ \w+ 09:00, in \d+ (d|h|min|s)/,
    );
  });

  test("warns of crons for a worker without scheduled()", async () => {
    await write("export default { fetch: () => new Response() }", ["0 7 * * *"]);
    const { code, stderr } = await home.ow(["deploy", "worker"]);
    expect([code, stderr]).toEqual([0, expect.stringContaining("exports no scheduled()")]);
  });

  test("changes, pauses and resumes one, by its expression or its id", async () => {
    const changed = await home.json(
      "crons",
      "set",
      "hello",
      "0 7 * * *",
      "--retries",
      "3",
      "--timeout",
      "30s",
      "--overlap",
      "skip",
    );
    expect(changed).toMatchObject({ retries: 3, wallMs: 30_000, overlap: "skip", late: "once" });
    expect(await home.json("crons", "pause", "hello", "0 7 * * *")).toMatchObject({
      paused: true,
      nextDue: null,
    });
    const { stdout } = await home.ow(["crons", "list", "hello"]);
    expect(stdout).toMatch(
      /0 7 \* \* \*\s+UTC\s+paused\s+manifest\s+retries 3; overlap skip; timeout 30.0 s/,
    );
    expect(await home.json("crons", "resume", "hello", String(changed.id))).toMatchObject({
      paused: false,
      nextDue: expect.stringContaining("T07:00:00.000Z"),
    });
  });

  test("has one run on demand, which is in the history, as is that it was removed", async () => {
    await home.json("crons", "add", "hello", "0 0 1 1 *");
    const event = await home.json("crons", "run", "hello", "0 0 1 1 *");
    expect(event).toMatchObject({ manual: true, cron: "0 0 1 1 *" });
    const history = await home.json<unknown>("crons", "history", "hello", "--cron", "0 0 1 1 *");
    expect(history).toMatchObject([{ id: event.id, manual: true, attempt: 1 }]);
    const shown = await home.ow(["crons", "history", "hello"]);
    expect(shown.stdout).toMatch(/0 0 1 1 \*.*on demand/);
    await home.json("crons", "remove", "hello", "0 0 1 1 *");
    expect(await expressions()).not.toContain("0 0 1 1 *");
    expect(await home.json<unknown>("crons", "history", "hello")).toMatchObject([{ id: event.id }]);
  });

  const refused: [string[], number, string][] = [
    [["add", "hello", "0 9 * * 0"], 1, "Days of the week go from 1 (Sunday)"],
    [["add", "hello", "0 0 31 2 *"], 1, "It is never due"],
    [["add", "hello", "0 9 * * *", "--timezone", "Mars"], 1, "not a time zone"],
    [["add", "hello", "0 9 * * *", "--timeout", "16m"], 1, "wallMs"],
    [["add", "hello", "0 9 * * *", "--timeout", "soon"], 2, "Give a time such as"],
    [["add", "nobody", "0 9 * * *"], 1, 'no worker "nobody"'],
    [["add", "hello", "0 7 * * *"], 1, "already"],
    [["set", "hello", "0 7 * * *"], 2, "Say what to change"],
    [["remove", "hello", "1 2 3 4 *"], 1, "ow crons list hello"],
    [["history", "nobody"], 1, 'no worker "nobody"'],
  ];
  for (const [args, code, says] of refused) {
    test(`refuses ${args.join(" ")}`, async () => {
      const result = await home.ow(["crons", ...args]);
      expect([result.code, result.stderr]).toEqual([code, expect.stringContaining(says)]);
    });
  }
});
