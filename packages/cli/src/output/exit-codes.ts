/** The process's exit codes; documented in every command's help. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;
