import { type Bus, busFromEnvironment } from "@openworkers/bus";
import { OpenWorkersError, type Report } from "@openworkers/core";

/**
 * The bus of a service of a cluster, which it shares with the others. Waits until it is there, and says so, or until `signal`
 * aborts.
 *
 * @throws OpenWorkersError CONFIG_INVALID when NATS_URL is not set or what goes with it makes no sense; the signal's reason
 */
export async function requireNats(name: string, report: Report, signal: AbortSignal): Promise<Bus> {
  const bus = await busFromEnvironment(process.env, {
    ...{ name: `openworkers-${name}`, report, signal },
    connectMs: Number.POSITIVE_INFINITY,
  });
  if (bus !== undefined) return bus;
  throw new OpenWorkersError("CONFIG_INVALID", "NATS_URL is not set.", {
    hint: "It names the NATS servers of the platform. For all of a platform on this machine: ow up",
  });
}
