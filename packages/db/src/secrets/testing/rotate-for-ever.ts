import { connect } from "../../database.ts";
import { ensureOperator } from "../../stores/users.ts";
import { rotateSealingKey } from "../rotate.ts";
import { SecretKeys } from "../secret-keys.ts";

// Rotates the keys again and again until it is killed. Says so after the first time.
const [url, directory] = process.argv.slice(2);
if (url === undefined || directory === undefined) throw new Error("usage: rotate-for-ever.ts URL DIRECTORY");
const database = connect(url);
const keys = await SecretKeys.load({ directory });
const { id } = await ensureOperator(database);
for (;;) {
  await rotateSealingKey(database, keys, id);
  console.log("rotated");
}
