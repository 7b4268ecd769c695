import { checkSandbox, readSettings } from "@openworkers/runner";
import type { Finding } from "./finding.ts";

/** Whether a cell really starts in the sandbox: what all the rest of the checks can only make likely. */
export async function sandboxFindings(): Promise<Finding[]> {
  if (process.platform !== "linux") return [];
  const what = "sandbox";
  const state = await checkSandbox(readSettings(process.env).cellUidBase);
  if ("ok" in state) return [{ state: "ok", what, says: "a cell started in bubblewrap and ran a worker" }];
  return [{ state: "fail", what, says: state.problem, hint: state.hint }];
}
