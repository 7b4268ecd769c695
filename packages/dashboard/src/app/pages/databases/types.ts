import type { components } from "@openworkers/client";

export type Database = components["schemas"]["Database"];
export type Dump = components["schemas"]["DatabaseDump"];
export type Token = components["schemas"]["DatabaseToken"];
export type Limits = Database["limits"];
