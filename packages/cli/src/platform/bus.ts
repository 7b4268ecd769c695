import { join } from "node:path";
import { type Bus, connectNats, openLocalBus } from "@openworkers/bus";
import { OpenWorkersError, type Report } from "@openworkers/core";

/**
 * The bus that `NATS_URL` names, or one within this process that is kept in the data directory.
 *
 * @throws OpenWorkersError BUS_UNAVAILABLE, CONFIG_INVALID, DATA_DIR_IN_USE
 */
export async function openBus({ dataDir, report }: { dataDir: string; report: Report }): Promise<Bus> {
  const servers = natsServers(process.env);
  if (servers === undefined) return openLocalBus({ path: join(dataDir, "bus", "bus.sqlite"), report });
  return connectNats({ servers, name: "openworkers", report });
}

/**
 * The bus of a service of a cluster, which it shares with the others.
 *
 * @throws OpenWorkersError CONFIG_INVALID when NATS_URL is not set, BUS_UNAVAILABLE
 */
export async function requireNats(name: string, report: Report): Promise<Bus> {
  const servers = natsServers(process.env);
  if (servers === undefined) {
    throw new OpenWorkersError("CONFIG_INVALID", "NATS_URL is not set.", {
      hint: "It names the NATS servers of the platform. For all of a platform on this machine: ow up",
    });
  }
  return connectNats({ servers, name: `openworkers-${name}`, report });
}

/** The servers that `NATS_URL` names; undefined without. */
function natsServers({ NATS_URL: url }: NodeJS.ProcessEnv): string[] | undefined {
  return url === undefined || url === "" ? undefined : url.split(",");
}
