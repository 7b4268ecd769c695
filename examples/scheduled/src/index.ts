interface Env {
  RUNS: KVNamespace;
}

interface Run {
  readonly due: string;
  /** Milliseconds from the due time to the start. */
  readonly lateness: number;
}

const keptMs = 24 * 3_600_000;

/** One key for each due time: should an event ever come twice, its second run writes what the first one wrote. */
const keyOf = (time: number) => `run:${new Date(time).toISOString()}`;

async function note({ scheduledTime }: ScheduledController, env: Env): Promise<void> {
  const run: Run = {
    due: new Date(scheduledTime).toISOString(),
    lateness: Date.now() - scheduledTime,
  };
  await env.RUNS.put(keyOf(scheduledTime), JSON.stringify(run));
}

async function forget({ scheduledTime }: ScheduledController, env: Env): Promise<void> {
  const oldest = keyOf(scheduledTime - keptMs);
  const { keys } = await env.RUNS.list({ prefix: "run:" });
  const old = keys.filter(({ name }) => name < oldest);
  await Promise.all(old.map(({ name }) => env.RUNS.delete(name)));
  console.log(`forgot ${old.length} runs`);
}

/** Every five minutes a note, and every night those of the day before go. `/` shows what is there. */
export default {
  async scheduled(controller, env, ctx): Promise<void> {
    switch (controller.cron) {
      case "*/5 * * * *":
        // The run lasts until this has ended, and fails with it.
        ctx.waitUntil(note(controller, env));
        break;
      case "30 3 * * *":
        await forget(controller, env);
        break;
      default:
        console.warn(`no work for ${controller.cron}`);
        controller.noRetry();
    }
  },

  async fetch(_request, env): Promise<Response> {
    const { keys } = await env.RUNS.list({ prefix: "run:" });
    const runs = await Promise.all(keys.map(({ name }) => env.RUNS.get<Run>(name, "json")));
    return Response.json(runs);
  },
} satisfies ExportedHandler<Env>;
