// Postgate's wire face in a process of its own, before the one tenant that OW_BENCH_WIRE describes.
import { parseAddress } from "@openworkers/db";
import { WireFace } from "@openworkers/postgate";
import { oneTenant, placesForAll } from "@openworkers/postgate/testing";

const address = parseAddress(process.env.OW_BENCH_WIRE ?? "");
const face = new WireFace({
  directory: oneTenant({ name: "bench", place: { kind: "external", address } }),
  server: address,
  budget: placesForAll,
  sessionSettings: () => ({}),
  report: (message, details) => console.error(message, details),
});
face.listen({ hostname: "127.0.0.1", port: Number(process.env.PORT) });
