export { type Caller, callerMay, type Deed, resolveCaller } from "./caller.ts";
export {
  defaultPlatformLimits,
  PlatformFace,
  type PlatformFaceOptions,
  type PlatformLimits,
} from "./platform-face.ts";
export type { Face } from "./platform-roles.ts";
