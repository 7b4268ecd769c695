import { isId, OpenWorkersError, type WorkerId } from "@openworkers/core";
import { z } from "zod";
import { logFilterSchema } from "../filter.ts";
import type { Start } from "../live/follow.ts";
import { formatPosition, type Position, parsePosition } from "../position.ts";

/** Beyond it, in the year 5138, a Date is written with a sign that PostgreSQL does not read. */
const latest = 99_999_999_999_999;

/** A point in time: Unix milliseconds, or ISO 8601 with its offset. */
const instant = z
  .union([
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number),
    z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
  ])
  .transform((time) => Math.min(Math.max(0, time), latest));

const position = z.string().transform(parsePosition);
const filterShape = logFilterSchema.shape;

/** Records that a stream begins with, at most. */
export const mostHistory = 10_000;
/** Records of a page, at most. */
export const mostRecords = 1_000;
const mostSteps = 2_000;
const minuteMs = 60_000;

const streamSchema = z.strictObject({
  ...filterShape,
  history: z.coerce.number().int().min(0).max(mostHistory).exactOptional(),
  since: instant.exactOptional(),
  after: position.exactOptional(),
});

const querySchema = z.strictObject({
  ...filterShape,
  from: instant.exactOptional(),
  to: instant.exactOptional(),
  after: position.exactOptional(),
  before: position.exactOptional(),
  order: z.enum(["oldest-first", "newest-first"]).default("newest-first"),
  limit: z.coerce.number().int().min(1).max(mostRecords).default(100),
});

const statsSchema = z.strictObject({
  from: instant.exactOptional(),
  to: instant.exactOptional(),
  /** Seconds. */
  step: z.coerce.number().int().min(60).multipleOf(60).max(86_400).default(60),
});

/** Where a stream begins, and what it shows. `Last-Event-ID` goes before all else. */
export function readStreamQuery(request: Request) {
  const { history, since, after, ...filter } = read(streamSchema, request);
  const last = request.headers.get("last-event-id");
  return { filter, start: startOf(last, after, since, history) };
}

function startOf(
  last: string | null,
  after: Position | undefined,
  since: number | undefined,
  history: number | undefined,
): Start {
  if (last !== null && last !== "") return { kind: "after", position: parsePosition(last) };
  if (after !== undefined) return { kind: "after", position: after };
  if (since !== undefined) return { kind: "since", time: since };
  return history === undefined || history === 0 ? { kind: "now" } : { kind: "last", count: history };
}

/** A page's range, filter, order and size. */
export function readPageQuery(request: Request) {
  const { from, to, after, before, order, limit, ...filter } = read(querySchema, request);
  return { from, to, after, before, order, limit, filter };
}

/** The steps of statistics that are asked for; the last hour's minutes without. */
export function readStatsQuery(request: Request) {
  const { from, to = Date.now(), step } = read(statsSchema, request);
  const stepMs = step * 1_000;
  const begin = from ?? to - 60 * minuteMs;
  if (!(begin < to)) throw new OpenWorkersError("INVALID_INPUT", "from is not before to.", { field: "from" });
  if ((to - begin) / stepMs > mostSteps) {
    throw new OpenWorkersError("INVALID_INPUT", `That is more than ${mostSteps} steps.`, {
      field: "step",
      hint: "Ask for a larger step, or a shorter range.",
    });
  }
  return { from: begin, to, stepMs };
}

/** @throws OpenWorkersError INVALID_INPUT */
export function readWorkerId(text: string): WorkerId {
  if (isId<"worker">(text)) return text;
  throw new OpenWorkersError("INVALID_INPUT", `"${text.slice(0, 60)}" is not a worker's id.`);
}

/** A cursor, or null at the end. */
export function cursor(next: Position | undefined): string | null {
  return next === undefined ? null : formatPosition(next);
}

function read<Schema extends z.ZodType>(schema: Schema, request: Request): z.output<Schema> {
  const parsed = schema.safeParse(Object.fromEntries(new URL(request.url).searchParams));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join(".");
  throw new OpenWorkersError("INVALID_INPUT", field ? `${field}: ${issue?.message}` : `${issue?.message}`, {
    field: field ?? "",
  });
}
