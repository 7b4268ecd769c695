import { expect, test } from "bun:test";
import { baseUrl, password, Rig } from "./testing/rig.ts";

test("a flood of sign-ins is refused before it hashes, and others are answered meanwhile", async () => {
  await using rig = await Rig.start();
  const token = await rig.person("ada@example.com");
  const flood = Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      rig.ask("/sign-in", {
        body: { email: `user${index}@example.com`, password },
        address: `198.51.100.${index}`,
      }),
    ),
  );
  const me = await rig.ask("/me", { as: token });
  expect(me.status).toBe(200);
  const answers = await flood;
  const refused = answers.filter(({ status }) => status === 503);
  expect(answers.filter(({ status }) => status === 401)).toHaveLength(answers.length - refused.length);
  expect(refused.length).toBeGreaterThan(0);
  for (const { body, headers } of refused) {
    expect([body.error.code, headers.get("retry-after")]).toEqual(["OVERLOADED", "2"]);
  }
  // Places are given back.
  const after = await rig.ask("/sign-in", {
    body: { email: "ada@example.com", password },
    headers: { origin: baseUrl },
  });
  expect(after.status).toBe(200);
});
