import { z } from "@hono/zod-openapi";
import type { UserId } from "@openworkers/core";
import { auditFor } from "../../access/audit.ts";
import type { Call } from "../../http/call.ts";
import { pageOf, pageOfAll, pageQuery } from "../../http/page.ts";
import type { Routes } from "../../http/route.ts";
import { id } from "../../http/schemas.ts";

const tag = "System";
const forOperators = "For operators alone.";
/** As the platform tells it, in JSON. */
const jsonTime = z.coerce.date().openapi({ type: "string", format: "date-time" });

const statsSchema = z.object({
  cells: z.int(),
  starting: z.int(),
  blank: z.int().openapi({ description: "Ready for a worker." }),
  draining: z.int().openapi({ description: "Versions that are no longer live and have cells yet." }),
  inFlight: z.int(),
  waiting: z.int().openapi({ description: "Requests that wait for a place in a cell." }),
  coldStarts: z.int(),
  ends: z.record(z.string(), z.int()).openapi({ description: "Cells that ended, by why." }),
});

const cellSchema = z
  .object({
    worker: z.string(),
    version: z.int(),
    pid: z.int(),
    state: z.enum(["busy", "idle", "draining"]),
    memoryBytes: z.number().nullable().openapi({ description: "Resident memory that is the cell's alone." }),
    memoryLimitBytes: z.number(),
    cpuMs: z.number().openapi({ description: "Since it began." }),
    ageMs: z.number(),
    idleMs: z.number(),
    inFlight: z.int(),
    requests: z.int().openapi({ description: "That it has answered." }),
  })
  .openapi("Cell");

const runnerSchema = z
  .object({
    host: z.string(),
    pid: z.int(),
    port: z.int(),
    startedAt: jsonTime,
    cores: z.int(),
    availableMemory: z.number().openapi({ description: "Share of the machine's memory, 0 to 1." }),
    memoryBytes: z.number().openapi({ description: "Of the runner's own process." }),
    connections: z.int(),
    routesFresh: z.boolean(),
    stats: statsSchema,
    cells: z.array(cellSchema),
  })
  .openapi("Runner");

const serviceSchema = z
  .object({
    name: z.string(),
    state: z.enum(["up", "late", "down", "unknown"]),
    detail: z.string(),
    figures: z.array(
      z.object({ name: z.string(), value: z.number(), unit: z.enum(["count", "bytes", "ms"]) }),
    ),
  })
  .openapi("Service");

const versionsSchema = z
  .object({
    platform: z.string(),
    workerd: z.string(),
    bun: z.string(),
    postgres: z.string(),
    migrations: z.array(z.object({ name: z.string(), appliedAt: jsonTime })),
    pending: z
      .array(z.string())
      .openapi({ description: "Migrations of this release that the database lacks." }),
    problem: z.string().nullable(),
  })
  .openapi("SystemVersions");

const userSchema = z
  .object({ id, name: z.string(), email: z.string(), isOperator: z.boolean(), createdAt: jsonTime })
  .openapi("SystemUser");

const linkSchema = z.object({ url: z.string(), expiresAt: jsonTime }).openapi("SystemLink");
const madeLink = z.object({ token: z.string(), expiresAt: z.coerce.date() });

/** Routes about the platform as a whole; its services check that the caller is an operator. */
export function systemRoutes(routes: Routes): void {
  routes.add(
    {
      method: "get",
      path: "/system/runners",
      tag,
      summary: "List runners with their cells",
      description: `${forOperators} Of all runners on the bus; of the one that answers alone while the bus is away.`,
      result: z.object({ items: z.array(runnerSchema) }),
    },
    ({ platform }) => platform.json(z.object({ items: z.array(runnerSchema) }), "/runners"),
  );

  routes.add(
    {
      method: "get",
      path: "/system/services",
      tag,
      summary: "Tell how the platform's services are, and what waits for them",
      description: forOperators,
      result: z.object({ items: z.array(serviceSchema) }),
    },
    ({ platform }) => platform.json(z.object({ items: z.array(serviceSchema) }), "/system/services"),
  );

  routes.add(
    {
      method: "get",
      path: "/system/versions",
      tag,
      summary: "Tell which versions run",
      description: forOperators,
      result: versionsSchema,
    },
    ({ platform }) => platform.json(versionsSchema, "/system/versions"),
  );

  routes.add(
    {
      method: "get",
      path: "/system/users",
      tag,
      summary: "List who can sign in",
      description: forOperators,
      query: pageQuery,
      result: pageOf(userSchema),
    },
    async ({ query, platform }) => {
      const { items } = await platform.json(z.object({ items: z.array(userSchema) }), "/system/users");
      return pageOfAll(items, query, (user) => user.id);
    },
  );

  routes.add(
    {
      method: "post",
      path: "/system/reset-links",
      tag,
      summary: "Make a link by which somebody chooses another password, once",
      description: `${forOperators} To be handed on where no mail is sent. Whoever has it gets in.`,
      body: z.strictObject({ email: z.string().min(3).max(254) }),
      result: linkSchema,
      status: 201,
    },
    async (call) => {
      const { email } = call.body;
      const path = `/system/reset-links?email=${encodeURIComponent(email)}`;
      const { token, expiresAt } = await call.platform.json(madeLink, path, { method: "POST" });
      // Before it is told: nobody gets one that was not written down.
      await written(call, "user.reset", email);
      return {
        url: `${dashboardOf(call) ?? `${call.env.BASE_URL}/v1/auth/password`}/reset?token=${token}`,
        expiresAt,
      };
    },
  );

  routes.add(
    {
      method: "post",
      path: "/system/setup-links",
      tag,
      summary: "Make a link: whoever signs up with it becomes an admin, once",
      description: `${forOperators} Any that was made before is good no more.`,
      result: linkSchema,
      status: 201,
    },
    async (call) => {
      const { token, expiresAt } = await call.platform.json(madeLink, "/system/setup-links", {
        method: "POST",
      });
      await written(call, "user.setup", "setup");
      return {
        url: `${dashboardOf(call) ?? `${call.env.BASE_URL}/v1/auth`}/setup?token=${token}`,
        expiresAt,
      };
    },
  );
}

type Asked = Pick<Call, "env" | "together">;

/** The first origin of the dashboard, where its pages are. */
function dashboardOf({ env }: Asked): string | undefined {
  return env.DASHBOARD_URL?.split(" ").find((origin) => origin !== "");
}

async function written({ together }: Asked, action: string, subject: string): Promise<void> {
  await together((scope) => auditFor(scope, scope.caller as UserId, action, subject));
}
