import { signOut } from "@openworkers/client";
import { isOpenWorkersError, OpenWorkersError } from "@openworkers/core";
import type { Command } from "commander";
import { currentProfile, findLogin, removeLogin } from "../profile/login.ts";
import { clientOf } from "./api-context.ts";
import { command, withContext } from "./context.ts";

interface Options {
  readonly json?: boolean;
}

export function logoutCommand(): Command {
  return command("logout", "End a session at a platform's API and forget its token", [
    "ow logout",
    "ow logout production",
  ])
    .argument("[name]", "of the login (default: the one in use)")
    .action(async (given: string | undefined, options: Options) => {
      await withContext(options, async ({ output }) => {
        const name = given ?? (await currentProfile());
        const login = name === undefined ? undefined : await findLogin(name);
        if (login === undefined) {
          throw new OpenWorkersError(
            "NOT_FOUND",
            given === undefined ? "You are not signed in." : `${given} is no login.`,
            {
              hint: "List them: ow profile list",
            },
          );
        }
        // A key stays good, for it may be used elsewhere, too: ow keys revoke.
        const ended = login.token.startsWith("ow_") ? false : await end(login);
        await removeLogin(login.name);
        output.result({ name: login.name, sessionEnded: ended }, `${login.name} is forgotten.`);
      });
    });
}

/** Whether the session could be ended: it is forgotten here even if the platform is gone. */
async function end(login: { readonly url: string; readonly token: string }): Promise<boolean> {
  try {
    await signOut(clientOf(login));
    return true;
  } catch (thrown) {
    if (isOpenWorkersError(thrown)) return false;
    throw thrown;
  }
}
