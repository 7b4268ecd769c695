import { isIP } from "node:net";
import { isOpenWorkersError, OpenWorkersError } from "@openworkers/core";
import { type Database, describeAddress, parseAddress, type SecretKeys } from "@openworkers/db";
import {
  ownCertificate,
  PostgateService,
  readCertificate,
  TenantGateway,
  type TenantGatewayOptions,
} from "@openworkers/postgate";
import { z } from "zod";
import { judgeHost } from "../databases/judge-host.ts";
import type { Output } from "../output/output.ts";
import type { DatabaseFaces } from "../profile/profile.ts";

/** Ports that were asked for; 0 is any free one. */
export interface PostgatePorts {
  readonly postgres?: number;
  readonly http?: number;
}

export interface StartGatewayOptions {
  /** The platform's database, migrated, and its URL: tenants' databases are on its server unless told otherwise. */
  readonly database: Database;
  readonly databaseUrl: string;
  readonly secretKeys: SecretKeys;
  readonly output: Output;
  readonly report: (message: string, details: Record<string, unknown>) => void;
}

export interface StartPostgateOptions extends StartGatewayOptions {
  readonly dataDir: string;
  readonly ports: PostgatePorts;
}

export interface RunningPostgate {
  readonly service: PostgateService;
  readonly faces: DatabaseFaces;
}

/** Where tools expect a pooler, so that connection strings stay as they are; any free port when it is taken. */
const preferred = { postgres: [6432, 0], http: [6433, 0] } as const;

const port = z.coerce.number().int().min(0).max(65_535).optional();

const schema = z.object({
  OW_TENANTS_URL: z.string().optional(),
  OW_POSTGATE_HOST: z
    .string()
    .refine((host) => isIP(host) !== 0, "is not an IP address")
    .default("127.0.0.1"),
  OW_POSTGATE_PORT: port,
  OW_POSTGATE_HTTP_PORT: port,
  OW_POSTGATE_CONNECTIONS: z.coerce.number().int().min(1).max(100_000).optional(),
  OW_POSTGATE_TLS_CERT: z.string().optional(),
  OW_POSTGATE_TLS_KEY: z.string().optional(),
});

/**
 * Starts the database service; undefined, and said with the reason, when the tenants' server does not let us.
 *
 * @throws OpenWorkersError CONFIG_INVALID naming a variable, PORT_IN_USE for a port that was asked for
 */
export async function startPostgate(options: StartPostgateOptions): Promise<RunningPostgate | undefined> {
  const settings = readPostgateSettings(process.env);
  // Said as what it is, not as a database that is off.
  const certificate = certificateOf(settings, options.dataDir);
  const postgres = options.ports.postgres ?? settings.OW_POSTGATE_PORT;
  const http = options.ports.http ?? settings.OW_POSTGATE_HTTP_PORT;
  const service = await unlessOff(options, settings, (gateway) =>
    PostgateService.open({
      ...gateway,
      dataDir: options.dataDir,
      hostname: settings.OW_POSTGATE_HOST,
      postgresPorts: postgres === undefined ? preferred.postgres : [postgres],
      httpPorts: http === undefined ? preferred.http : [http],
      certificate,
    }),
  );
  if (service === undefined) return undefined;
  return {
    service,
    faces: { http: service.httpUrl, host: service.hostname, port: service.postgresPort },
  };
}

/**
 * Opens the way to tenants' databases for a runner on its own; undefined, and said with the reason, as above.
 *
 * @throws OpenWorkersError CONFIG_INVALID naming a variable
 */
export function startGateway(options: StartGatewayOptions): Promise<TenantGateway | undefined> {
  return unlessOff(options, readPostgateSettings(process.env), (gateway) => TenantGateway.open(gateway));
}

async function unlessOff<Opened extends { readonly warnings: readonly string[] }>(
  { database, databaseUrl, secretKeys, output, report }: StartGatewayOptions,
  settings: z.infer<typeof schema>,
  open: (options: TenantGatewayOptions) => Promise<Opened>,
): Promise<Opened | undefined> {
  const tenantsUrl = settings.OW_TENANTS_URL ?? databaseUrl;
  const place = describeAddress(parseAddress(tenantsUrl));
  const { OW_POSTGATE_CONNECTIONS: connections } = settings;
  try {
    const opened = await open({
      database,
      secretKeys,
      tenantsUrl,
      judge: judgeHost,
      ...(connections === undefined ? {} : { connections }),
      report,
    });
    for (const warning of opened.warnings) output.warn(warning);
    return opened;
  } catch (thrown) {
    if (!isOpenWorkersError(thrown, "CONFIG_INVALID", "DATABASE_UNAVAILABLE")) throw thrown;
    const hint = thrown.hint === undefined ? "" : ` ${thrown.hint}`;
    output.warn(`Tenant databases are off; all else works. ${place}: ${thrown.message}${hint}`);
    return undefined;
  }
}

function certificateOf(
  { OW_POSTGATE_TLS_CERT: cert, OW_POSTGATE_TLS_KEY: key }: z.infer<typeof schema>,
  dataDir: string,
) {
  if (cert === undefined && key === undefined) return ownCertificate(dataDir);
  if (cert !== undefined && key !== undefined) return readCertificate(cert, key);
  throw new OpenWorkersError("CONFIG_INVALID", "OW_POSTGATE_TLS_CERT and OW_POSTGATE_TLS_KEY go together.", {
    hint: "Set both, or neither for a certificate that Postgate signs for itself.",
  });
}

/** @throws OpenWorkersError CONFIG_INVALID naming the variable */
function readPostgateSettings(env: NodeJS.ProcessEnv): z.infer<typeof schema> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const name = String(issue?.path[0]);
  throw new OpenWorkersError("CONFIG_INVALID", `${name} is "${given[name]}": ${issue?.message}.`, {
    hint: `Correct ${name}, or unset it for the default.`,
  });
}

/** `postgres://127.0.0.1:6432, http://127.0.0.1:6433/`. */
export function formatFaces({ host, port: postgres, http }: DatabaseFaces): string {
  return `postgres://${host.includes(":") ? `[${host}]` : host}:${postgres}, ${http}`;
}
