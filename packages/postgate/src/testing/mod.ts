export { oneTenant, placesForAll } from "./one-tenant.ts";
export { type Answer, read, TestPostgate, until } from "./test-postgate.ts";
export { embedded, type TestServer, testServers } from "./test-server.ts";
export { TestTenants, testSettings } from "./test-tenants.ts";
export { type TypeCase, typeContract, typeContractSetup } from "./type-contract.ts";
