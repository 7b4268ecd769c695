import { allOf } from "@openworkers/client";
import { type Command, Option } from "commander";
import { formatTable, formatTime } from "../output/format.ts";
import { type ApiOptions, apiCommand, withApi } from "./api-context.ts";
import { group } from "./context.ts";

const roles = ["owner", "admin", "developer", "viewer"] as const;
type Role = (typeof roles)[number];
type InvitedRole = Exclude<Role, "owner">;

interface InviteOptions extends ApiOptions {
  readonly role: InvitedRole;
}

export function membersCommand(): Command {
  return group("members", "Who works in an organisation, and as what", [
    "ow members list acme",
    "ow members invite acme bob@example.com --role developer",
    "ow members role acme bob admin",
  ])
    .addCommand(listCommand())
    .addCommand(inviteCommand())
    .addCommand(joinCommand())
    .addCommand(roleCommand())
    .addCommand(removeCommand());
}

function listCommand(): Command {
  return apiCommand("list", "List members and open invitations", ["ow members list acme"])
    .argument("<account>")
    .action(async (account: string, options: ApiOptions) => {
      await withApi(options, async ({ client, output }) => {
        const path = { account };
        const members = await allOf((query) =>
          client.data(client.api.GET("/v1/accounts/{account}/members", { params: { path, query } })),
        );
        const rows = members.map(({ name, displayName, role, since }) => [
          name,
          displayName ?? "",
          role,
          formatTime(new Date(since)),
        ]);
        output.result(
          members,
          formatTable(["name", "called", "role", "since"], rows, "There are no members."),
        );
      });
    });
}

function inviteCommand(): Command {
  return apiCommand("invite", "Invite somebody; prints the token that lets them join", [
    "ow members invite acme bob@example.com --role developer",
  ])
    .argument("<account>")
    .argument("<email>")
    .addOption(new Option("--role <role>", "what they will be").choices(roles.slice(1)).default("developer"))
    .action(async (account: string, email: string, { role, ...options }: InviteOptions) => {
      await withApi(options, async ({ client, output }) => {
        const made = await client.data(
          client.api.POST("/v1/accounts/{account}/invitations", {
            params: { path: { account } },
            body: { email, role },
          }),
        );
        output.result(made, made.token);
        const mailed = made.mailed ? ` A mail with a link is on its way to ${email}.` : "";
        const until = formatTime(new Date(made.expiresAt));
        output.note(`Good until ${until}.${mailed} They run: ow members join TOKEN`);
      });
    });
}

function joinCommand(): Command {
  return apiCommand("join", "Join the organisation that a token invites you to", ["ow members join owin_…"])
    .argument("<token>")
    .action(async (token: string, options: ApiOptions) => {
      await withApi(options, async ({ client, output }) => {
        const { account } = await client.data(client.api.POST("/v1/invitations/accept", { body: { token } }));
        output.result({ account }, `You are in ${account} now.`);
      });
    });
}

function roleCommand(): Command {
  return apiCommand("role", "Give a member another role", ["ow members role acme bob admin"])
    .argument("<account>")
    .argument("<member>", "name or id")
    .argument("<role>", roles.join(", "))
    .action(async (account: string, member: string, role: Role, options: ApiOptions) => {
      await withApi(options, async ({ client, output }) => {
        const changed = await client.data(
          client.api.PATCH("/v1/accounts/{account}/members/{member}", {
            params: { path: { account, member } },
            body: { role },
          }),
        );
        output.result(changed, `${changed.name} is ${changed.role} of ${account}.`);
      });
    });
}

function removeCommand(): Command {
  return apiCommand("remove", "Take a member out of an organisation, or leave it yourself", [
    "ow members remove acme bob",
  ])
    .argument("<account>")
    .argument("<member>", "name or id")
    .action(async (account: string, member: string, options: ApiOptions) => {
      await withApi(options, async ({ client, output }) => {
        await client.api.DELETE("/v1/accounts/{account}/members/{member}", {
          params: { path: { account, member } },
        });
        output.result({ account, member, removed: true }, `${member} is no longer in ${account}.`);
      });
    });
}
