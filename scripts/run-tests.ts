/**
 * `npm test`: every test but those that have commands of their own. A file of which something failed runs once more, alone
 * and from its beginning, because a shared machine now and then stands still; if it fails again, so does this.
 */
import { failedFiles } from "./failed-files.ts";

const elsewhere = [
  "**/{cluster,exhaustion,faults}.test.ts",
  "e2e/{databases,wrangler,examples-types}.test.ts",
  "packages/bus/src/nats/outage.test.ts",
  "packages/postgate/src/tenants/{deaf-session,size-sweeper}.test.ts",
  "e2e/dashboard/{pages/**,sign-in.test.ts}",
];
/** More than these are no accident. */
const mostAgain = 5;

// Ctrl-C reaches the tests as well, which end by themselves.
process.on("SIGINT", () => {});

const first = await bunTest(
  "--parallel=3",
  "--no-isolate",
  ...elsewhere.map((pattern) => `--path-ignore-patterns=${pattern}`),
);
const { code, failed: again } = first;
if (code === 0 || again === undefined || again.length > mostAgain) process.exit(code);
console.error(`\nOnce more, alone: ${again.join(" ")}\n`);
process.exit((await bunTest(...again)).code);

async function bunTest(...given: string[]): Promise<{ code: number; failed: string[] | undefined }> {
  const color = process.stderr.isTTY ? { FORCE_COLOR: "1" } : {};
  const tests = Bun.spawn([process.execPath, "test", "--timeout", "60000", ...given], {
    env: { ...process.env, ...color },
    stdio: ["inherit", "inherit", "pipe"],
  });
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of tests.stderr) {
    process.stderr.write(chunk);
    text += decoder.decode(chunk, { stream: true });
  }
  return { code: await tests.exited, failed: failedFiles(text.split("\n")) };
}
