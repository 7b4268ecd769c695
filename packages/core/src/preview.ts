import { z } from "zod";

/** Largest body of a preview's request, before it is base64. */
export const maxPreviewBodyBytes = 512 * 1_024;
/** As much of an answer's body is told. */
export const maxPreviewAnswerBytes = 1_024 * 1_024;

const header = z.tuple([z.string().min(1).max(256), z.string().max(16_384)]);

/** A request that somebody tries on their worker, from the dashboard. */
export const previewRequestSchema = z.strictObject({
  method: z.string().regex(/^[A-Z]{1,20}$/, "is no method: letters in upper case"),
  /** With its query. */
  path: z.string().max(8_192).regex(/^\//, "does not begin with /"),
  headers: z.array(header).max(100).default([]),
  /** Base64. */
  body: z
    .base64()
    .max(Math.ceil(maxPreviewBodyBytes / 3) * 4)
    .optional(),
  /** Which version is asked; those that are live unless given. */
  version: z.int().min(1).optional(),
});
export type PreviewRequest = z.output<typeof previewRequestSchema>;

export const previewAnswerSchema = z.object({
  /** What its log records have as theirs. */
  requestId: z.string().nullable(),
  status: z.int(),
  statusText: z.string(),
  headers: z.array(header),
  /** Base64. */
  body: z.string(),
  /** The body went on: it was longer than is told, or did not end in time. */
  truncated: z.boolean(),
  /** Milliseconds until the answer began. */
  headMs: z.number(),
  /** Milliseconds until it ended, or was left. */
  totalMs: z.number(),
});
export type PreviewAnswer = z.output<typeof previewAnswerSchema>;
