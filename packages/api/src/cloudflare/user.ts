import { z } from "zod";
import { errorNumbers, NumberedError, success } from "./envelope.ts";
import { type Ask, allOf, type CloudflareFace, slice } from "./face.ts";

const accountSchema = z.object({ id: z.string(), name: z.string(), role: z.string(), createdAt: z.string() });

/** Who calls, and in which accounts. */
export function userRoutes(face: CloudflareFace): void {
  face.on("get", "/user/tokens/verify", async ({ v1 }) => {
    await v1.ask("/v1/account");
    return success({ status: "active" });
  });
  face.on("get", "/user", async ({ v1 }) => {
    await v1.ask("/v1/account");
    // The API worker has no way to people's addresses: they are the identity worker's.
    throw new NumberedError(errorNumbers.notAllowed, "FORBIDDEN", "A key does not tell whose it is.");
  });
  face.on("get", "/accounts", async (ask) => {
    const { shown, info } = slice(await accounts(ask), ask.search);
    return success(shown.map(asAccount), { info });
  });
  face.on("get", "/accounts/:account", async ({ v1, account }) =>
    success(asAccount(await v1.json(accountSchema, `/v1/accounts/${encodeURIComponent(account)}`))),
  );
  face.on("get", "/memberships", async (ask) => {
    const { shown, info } = slice(await accounts(ask), ask.search);
    const memberships = shown.map((account) => ({
      id: account.id,
      status: "accepted",
      account: asAccount(account),
      roles: [account.role],
    }));
    return success(memberships, { info });
  });
}

function accounts(ask: Ask) {
  return allOf(ask, accountSchema, "/v1/accounts");
}

function asAccount({ id, name, createdAt }: z.output<typeof accountSchema>) {
  return { id, name, type: "standard", settings: {}, created_on: createdAt };
}
