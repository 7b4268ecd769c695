export type SandboxKind = "bubblewrap" | "none";

/** What cells run in on this system when nobody says otherwise. */
export const defaultSandbox: SandboxKind = process.platform === "linux" ? "bubblewrap" : "none";
