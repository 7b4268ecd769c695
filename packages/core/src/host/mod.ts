export { type Account, accountFor, type Unprivileged } from "./account.ts";
export { lockDirectory, lockFile } from "./directory-lock.ts";
