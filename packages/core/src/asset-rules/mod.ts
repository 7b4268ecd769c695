export { parseHeaders } from "./parse-headers.ts";
export { parseRedirects } from "./parse-redirects.ts";
export type { ParsedRules } from "./pattern-fault.ts";
