import type { Report } from "@openworkers/core";
import type { Output } from "../output/output.ts";

/** What a service tells its operator, as a warning of one line. */
export function reportTo(output: Output): Report {
  return (message, details) => output.warn(formatReport(message, details));
}

function formatReport(message: string, details: Record<string, unknown>): string {
  const list = Object.entries(details).map(([key, value]) => {
    return `${key}=${value instanceof Error ? JSON.stringify(value.message) : JSON.stringify(value)}`;
  });
  return list.length === 0 ? message : `${message} (${list.join(", ")})`;
}
