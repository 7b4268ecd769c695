import { OpenWorkersError } from "@openworkers/core";
import type { DatabaseError } from "pg-protocol";

// Names of databases and roles on the tenants' server (`tenantNames`).
const ownNames = /ow_[0-9a-f]{32}(_rw|_ro|_rd)?/g;

function cleaned(text: string): string {
  return text.replace(ownNames, "app");
}

/** What of PostgreSQL's error the caller is told: nothing of files, functions or inner queries, and no name of ours. */
export function queryFailure(error: DatabaseError, statement: number | undefined): OpenWorkersError {
  // The session has ended with it: not the statement's fault, unless it ended itself.
  if (error.severity === "FATAL" || error.severity === "PANIC") {
    return new OpenWorkersError("DATABASE_UNAVAILABLE", `The session was ended: ${cleaned(error.message)}.`, {
      details: { sqlstate: error.code },
      hint: "Send it again. What was not answered may have happened or not.",
    });
  }
  const { code, position, detail, constraint, table, column, hint } = error;
  const told = {
    sqlstate: code,
    position: position === undefined ? undefined : Number(position),
    detail: detail === undefined ? undefined : cleaned(detail),
    constraint,
    table,
    column,
    statement,
  };
  return new OpenWorkersError("QUERY_FAILED", cleaned(error.message), {
    details: Object.fromEntries(Object.entries(told).filter(([, value]) => value !== undefined)),
    ...(hint === undefined ? {} : { hint: cleaned(hint) }),
  });
}

export function connectionLost(committing: boolean): OpenWorkersError {
  return new OpenWorkersError("DATABASE_UNAVAILABLE", "The connection to the database was lost.", {
    hint: committing
      ? "It is not known whether the changes were committed: look before sending them again."
      : "Nothing was changed. Send it again.",
  });
}
