export { type Certificate, ownCertificate, readCertificate } from "./listener/certificate.ts";
export { type ListenOptions, WireFace, type WireFaceOptions, type WireListener } from "./wire-face.ts";
export type { Places, WireLimits } from "./wire-options.ts";
