export { TestPostgate } from "./test-postgate.ts";
export { embedded, type TestServer } from "./test-server.ts";
