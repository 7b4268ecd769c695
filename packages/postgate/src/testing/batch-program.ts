/** Runs one call as a process of its own, to be killed in the middle of it: `batch-program.ts SERVER TENANT BODY`, as JSON. */
import { Postgate } from "../postgate.ts";
import type { Tenant } from "../tenant.ts";
import { testSettings } from "./test-tenants.ts";

const [server, tenant, body] = process.argv.slice(2).map((text) => JSON.parse(text));
const known: Tenant = tenant;
const postgate = await Postgate.open({
  server,
  sessionSettings: testSettings,
  directory: {
    tenant: async () => known,
    authenticate: () => Promise.reject(new Error("nobody logs in here")),
    onChange: () => ({ [Symbol.dispose]() {} }),
  },
});
const request = new Request("http://postgate/query", { method: "POST", body: JSON.stringify(body) });
await postgate.query(known.id, request, { worker: "killed" });
