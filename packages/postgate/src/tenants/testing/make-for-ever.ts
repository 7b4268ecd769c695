import { defaultDatabaseLimits, isId } from "@openworkers/core";
import { TenantServer } from "../tenant-server.ts";

// Makes the tenant whose id and password it is given, and drops and makes it again until it is killed.
const [url = "", id, password = ""] = process.argv.slice(2);
if (!isId<"database">(id)) throw new Error("usage: make-for-ever.ts URL ID PASSWORD");
const passwords = { owner: password, "read-write": password, "read-only": password, reduce: password };
await using server = TenantServer.connect(url);
await server.prepare();
console.log("ready");
for (;;) {
  await server.make(id, passwords, defaultDatabaseLimits);
  await server.drop(id);
}
