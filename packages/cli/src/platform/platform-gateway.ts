import { messageOf, type Report } from "@openworkers/core";
import type { Database } from "@openworkers/db";
import { callerMay, PlatformFace } from "@openworkers/postgate";
import type { PlatformGateway } from "@openworkers/runner";
import type { Output } from "../output/output.ts";

export interface PlatformGatewayOptions {
  /** The platform's, migrated, as the owner of its tables. */
  readonly database: Database;
  readonly report: Report;
}

/**
 * Opens Postgate's face for the platform's own workers.
 *
 * @throws OpenWorkersError CONFIG_INVALID when the roles that it needs cannot be made, DATABASE_UNAVAILABLE
 */
export async function openPlatformGateway(
  options: PlatformGatewayOptions,
): Promise<PlatformGateway & AsyncDisposable> {
  const { database } = options;
  const face = await PlatformFace.open(options);
  return {
    listen: (...given) => face.listen(...given),
    async caller(credential) {
      const caller = await face.resolve(credential);
      return {
        userId: caller.userId,
        may: (owner, resource, action) => callerMay(database, caller, { owner, resource, action }),
      };
    },
    [Symbol.asyncDispose]: () => face[Symbol.asyncDispose](),
  };
}

/** The same for a process that serves workers anyhow: undefined, and said with the reason, when it cannot be had. */
export async function openPlatformGatewayOrWarn(
  options: PlatformGatewayOptions & { readonly output: Output },
): Promise<(PlatformGateway & AsyncDisposable) | undefined> {
  try {
    return await openPlatformGateway(options);
  } catch (thrown) {
    options.output.warn(`The API is off; all else works. ${messageOf(thrown)}`);
    return undefined;
  }
}
