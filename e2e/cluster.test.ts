import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { Cluster, type Service } from "./cluster.ts";

setDefaultTimeout(240_000);

let cluster: Cluster;

const worker = `
export default {
  async fetch(request, env) {
    const id = new URL(request.url).searchParams.get("id");
    console.log("asked", id);
    await env.JOBS.send({ id });
    return new Response(id);
  },
  async queue(batch, env) {
    for (const { body } of batch.messages) await env.DONE.put("job/" + body.id, "1");
  },
  async scheduled(event, env) {
    await env.DONE.put("due/" + event.scheduledTime, "1");
  },
};`;

const manifest = {
  name: "shop",
  main: "index.js",
  compatibility_date: "2026-11-01",
  kv_namespaces: [{ binding: "DONE" }],
  queues: {
    producers: [{ binding: "JOBS", queue: "jobs" }],
    consumers: [{ queue: "jobs", max_batch_timeout: 1, max_retries: 100, retry_delay: 1 }],
  },
};

beforeAll(async () => {
  cluster = await Cluster.start();
  await writeFile(join(cluster.directory, "index.js"), worker);
  await writeFile(join(cluster.directory, "wrangler.json"), JSON.stringify(manifest));
  await cluster.ow("deploy", cluster.directory);
  await cluster.ow(
    "crons",
    "add",
    "shop",
    "* * * * * *",
    "--retries",
    "10",
    "--retry-delay",
    "1s",
    "--late",
    "all",
  );
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

/** Asks `looks` until it answers what is no failure: ends with the test's patience. */
async function eventually<T>(looks: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 90_000;
  for (;;) {
    try {
      return await looks();
    } catch (thrown) {
      if (Date.now() > deadline) throw thrown;
      await Bun.sleep(250);
    }
  }
}

async function keys(prefix: string): Promise<string[]> {
  const { rows } = await sql<{ key: string }>`
    select convert_from(key, 'utf8') as key from kv_entries where convert_from(key, 'utf8') like ${`${prefix}%`}
  `.execute(cluster.database.kysely);
  return rows.map(({ key }) => key.slice(prefix.length));
}

interface Due {
  readonly due: Date;
  readonly state: string;
  readonly outcome: string | null;
  readonly missed: number;
}

async function dues(): Promise<Due[]> {
  const { rows } = await sql<Due>`
    select due_at as due, state, outcome, missed from scheduled_events
    where not manual and reason is distinct from 'paused' order by due_at
  `.execute(cluster.database.kysely);
  return rows;
}

test("services say on a port of their own that they are well, and what they do", async () => {
  for (const service of [...cluster.runners, ...cluster.schedulers, ...cluster.logs]) {
    const base = `http://127.0.0.1:${service.ready.metricsPort}`;
    expect((await fetch(`${base}/health`)).status).toBe(200);
    expect(await (await fetch(`${base}/metrics`)).text()).toContain("ow_bus_connected 1");
  }
});

/** Puts the API live, and signs its first admin in. Resolves to the session's token. */
async function signIn(by: Service): Promise<string> {
  await cluster.ow("api", "deploy");
  const { url } = (await cluster.ow("users", "setup-link")) as { readonly url: string };
  const token = new URL(url).searchParams.get("token");
  const setup = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "ada@example.com", password: "correct horse battery", token }),
  };
  return await eventually(async () => {
    const answer = await cluster.fetch(by, "api", "/v1/auth/setup?token=true", setup);
    return (JSON.parse(answer) as { readonly token: string }).token;
  });
}

test("each runner, asked for all of them, tells of both", async () => {
  const [first] = cluster.runners;
  if (first === undefined) throw new Error("There are two runners.");
  const headers = { authorization: `Bearer ${await signIn(first)}` };
  const ports = cluster.runners.map(({ ready }) => Number(ready.port)).sort();
  for (const runner of cluster.runners) {
    await eventually(async () => {
      const answer = await cluster.fetch(runner, "api", "/v1/system/runners", { headers });
      const { items } = JSON.parse(answer) as { readonly items: readonly { readonly port: number }[] };
      expect(items.map(({ port }) => port).sort()).toEqual(ports);
    });
  }
});

test("nothing that was acknowledged is lost while every part is killed in turn", async () => {
  const [first, second] = cluster.runners;
  if (first === undefined || second === undefined) throw new Error("There are two runners.");
  const asked = new Map<Service, string[]>([
    [first, []],
    [second, []],
  ]);
  let going = true;
  let count = 0;
  const clients = [first, second].map(async (runner) => {
    while (going) {
      const id = `${++count}`;
      try {
        expect(await cluster.fetch(runner, "shop", `/?id=${id}`)).toBe(id);
        asked.get(runner)?.push(id);
      } catch {
        // Nothing was promised: the runner was killed, or the bus was away for longer than a request waits.
      }
      await Bun.sleep(10);
    }
  });
  /** Ends when each of the runners was asked and has acknowledged so much more, with what is away away. */
  const progress = async (...runners: Service[]) => {
    const wanted = runners.map((runner) => [runner, (asked.get(runner)?.length ?? 0) + 100] as const);
    for (const [runner, number] of wanted) {
      while ((asked.get(runner)?.length ?? 0) < number) await Bun.sleep(10);
    }
  };

  await progress(first, second);
  await cluster.schedulers[0]?.kill();
  await cluster.logs[0]?.kill();
  await progress(first, second);
  await cluster.nats.nodes[0]?.restart();
  await progress(first, second);
  await cluster.postgres.stop();
  await progress(first, second);
  await cluster.postgres.start();
  await progress(first, second);
  await first.kill();
  await cluster.nats.nodes[1]?.restart();
  await progress(second);
  await first.start();
  await cluster.schedulers[0]?.start();
  await cluster.schedulers[1]?.kill();
  await progress(first, second);
  going = false;
  await Promise.all(clients);

  const acknowledged = [...asked.values()].flat();
  expect(acknowledged.length).toBeGreaterThan(100);
  await eventually(async () => {
    const done = new Set(await keys("job/"));
    expect(acknowledged.filter((id) => !done.has(id))).toEqual([]);
  });

  // Of a runner that was killed, what it logged in its last moments may be lost; the other one's is all there, once.
  await eventually(async () => {
    const { rows } = await sql<{ message: string; count: number }>`
      select message, count(*)::int as count from logs where message like 'asked %' group by message
    `.execute(cluster.database.kysely);
    const counts = new Map(rows.map(({ message, count: lines }) => [message.slice("asked ".length), lines]));
    expect((asked.get(second) ?? []).filter((id) => counts.get(id) !== 1)).toEqual([]);
    expect([...counts].filter(([, lines]) => lines > 1)).toEqual([]);
  });
});

test("each second was due once, and ran", async () => {
  // Those that have ended: what is claimed ahead of its time is none any more once the cron is paused.
  await eventually(async () =>
    expect((await dues()).filter(({ state }) => state === "finished").length).toBeGreaterThan(20),
  );
  await cluster.ow("crons", "pause", "shop", "* * * * * *");
  await eventually(async () => {
    const all = await dues();
    expect(all.length).toBeGreaterThan(20);
    const gaps = all.flatMap(({ due }, at) => {
      const before = all[at - 1]?.due;
      return before === undefined || due.getTime() - before.getTime() === 1_000 ? [] : [due];
    });
    expect(gaps).toEqual([]);
    expect(
      all.filter(({ outcome, state, missed }) => outcome !== "ok" || state !== "finished" || missed > 0),
    ).toEqual([]);
    const ran = new Set(await keys("due/"));
    expect(all.filter(({ due }) => !ran.has(String(due.getTime())))).toEqual([]);
  });
});

test("a service that is told to stop ends by itself", async () => {
  for (const service of [cluster.runners[1], cluster.schedulers[0], cluster.logs[1]]) {
    expect(await service?.kill("SIGTERM")).toBe(0);
  }
});
