import type { Command } from "commander";
import type { DomainSummary } from "../backend/backend.ts";
import { formatTable } from "../output/format.ts";
import { group, platformCommand, withPlatform } from "./context.ts";

interface Options {
  readonly json?: boolean;
  readonly trust?: boolean;
}

export function domainsCommand(): Command {
  const domains = group("domains", "Serve workers under domains of your own", [
    "ow domains add hello shop.example.com",
    "ow domains verify shop.example.com",
    "ow domains list",
  ]);
  domains
    .addCommand(
      platformCommand("list", "List the domains", ["ow domains list", "ow domains list hello"])
        .argument("[worker]")
        .action(async (worker: string | undefined, options: Options) => {
          await withPlatform(options, async ({ backend, output }) => {
            const list = await backend.domains(worker);
            const rows = list.map(({ hostname, worker: name, verified }) => [
              hostname,
              name,
              verified ? "yes" : "no",
            ]);
            output.result(list, formatTable(["domain", "worker", "verified"], rows, "No domains."));
          });
        }),
      { isDefault: true },
    )
    .addCommand(
      platformCommand("add", "Give a worker a domain", ["ow domains add hello shop.example.com --trust"])
        .argument("<worker>")
        .argument("<hostname>")
        .option("--trust", "take it as verified: you run this platform and the domain is yours")
        .action(async (worker: string, hostname: string, options: Options) => {
          await withPlatform(options, async ({ backend, output }) => {
            const added = await backend.addDomain(worker, hostname);
            const domain = options.trust ? await backend.verifyDomain(hostname, { trust: true }) : added;
            output.result(domain, domain.verified ? `${hostname} → ${worker}` : formatChallenge(domain));
          });
        }),
    )
    .addCommand(
      platformCommand("verify", "Look for the domain's TXT record, and serve it from then on", [
        "ow domains verify shop.example.com",
        "ow domains verify shop.example.com --trust",
      ])
        .argument("<hostname>")
        .option("--trust", "do not look: you run this platform and the domain is yours")
        .action(async (hostname: string, options: Options) => {
          await withPlatform(options, async ({ backend, output }) => {
            const domain = await backend.verifyDomain(hostname, { trust: options.trust === true });
            output.result(domain, `${hostname} → ${domain.worker}, verified`);
          });
        }),
    )
    .addCommand(
      platformCommand("remove", "Take a domain away from its worker", ["ow domains remove shop.example.com"])
        .argument("<hostname>")
        .action(async (hostname: string, options: Options) => {
          await withPlatform(options, async ({ backend, output }) => {
            await backend.removeDomain(hostname);
            output.result({ hostname, removed: true }, `${hostname} is removed.`);
          });
        }),
    );
  return domains;
}

function formatChallenge({ hostname, token, worker }: DomainSummary): string {
  return [
    `${hostname} → ${worker}, not verified yet. Set this DNS record:`,
    `  _openworkers.${hostname}  TXT  "${token}"`,
    `then run: ow domains verify ${hostname}   (or --trust when this platform and the domain are yours)`,
  ].join("\n");
}
