// Postgate's wire face in a process of its own, before the one tenant that OW_BENCH_WIRE describes.
import { defaultDatabaseLimits, newId } from "@openworkers/core";
import { parseAddress } from "@openworkers/db";
import { type Principal, WireFace } from "@openworkers/postgate";

const principal: Principal = {
  tenant: {
    id: newId(),
    ownerId: newId(),
    name: "bench",
    place: { kind: "external", address: parseAddress(process.env.OW_BENCH_WIRE ?? "") },
    limits: defaultDatabaseLimits,
    full: false,
  },
  scope: "owner",
  by: { kind: "platform" },
};
const face = new WireFace({
  directory: {
    tenant: async () => principal.tenant,
    authenticate: async () => principal,
    onChange: () => ({ [Symbol.dispose]() {} }),
  },
  server: parseAddress(process.env.OW_BENCH_WIRE ?? ""),
  budget: { enter: async () => ({ [Symbol.dispose]() {} }) },
  sessionSettings: () => ({}),
  report: (message, details) => console.error(message, details),
});
face.listen({ hostname: "127.0.0.1", port: Number(process.env.PORT) });
