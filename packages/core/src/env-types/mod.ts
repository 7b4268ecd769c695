export * from "./declarations.ts";
export * from "./json-type.ts";
