import type { DatabaseScope } from "@openworkers/core";
import type { Tenant } from "../tenant.ts";

/**
 * The settings that a session of `scope` starts with, for the start-up packet: they go before those of roles and
 * databases, and `RESET ALL` and `DISCARD ALL` come back to them.
 *
 * A session may change most of them. That its limits hold nevertheless is the watchdog's and the kernel's business.
 *
 * On a server of the owner's they are only what every pooler in between lets pass; its limits are Postgate's.
 */
export function sessionSettings(tenant: Tenant, scope: DatabaseScope): Record<string, string> {
  if (tenant.place.kind === "external") return { client_encoding: "UTF8", DateStyle: "ISO", TimeZone: "UTC" };
  const { statementMs, idleInTransactionMs, lockMs, workMemBytes } = tenant.limits;
  return {
    statement_timeout: `${statementMs}ms`,
    idle_in_transaction_session_timeout: `${idleInTransactionMs}ms`,
    lock_timeout: `${lockMs}ms`,
    work_mem: `${Math.max(64, Math.floor(workMemBytes / 1_024))}kB`,
    // Or a session whose client is gone computes to its end.
    client_connection_check_interval: "5s",
    // Compiling a query takes memory that its limit does not foresee, and more time than most queries.
    jit: "off",

    default_transaction_read_only: scope === "read-only" ? "on" : "off",
    // What a role may set for its own sessions to come, and would break those of others who log in as it.
    default_transaction_isolation: "read committed",
    default_transaction_deferrable: "off",
    search_path: '"$user", public',
    local_preload_libraries: "",
    default_tablespace: "",
    default_table_access_method: "heap",

    // The text of a value does not depend on the server's configuration.
    client_encoding: "UTF8",
    DateStyle: "ISO, MDY",
    IntervalStyle: "postgres",
    TimeZone: "UTC",
    bytea_output: "hex",
    extra_float_digits: "1",
    standard_conforming_strings: "on",
    xmlbinary: "base64",
    xmloption: "content",
  };
}

/** The settings as the `options` of a start-up packet, for clients that take no others: `-c name=value …`. */
export function startupOptions(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replace(/[\\\s]/g, "\\$&")}`)
    .join(" ");
}
