import { createIdentityApp } from "./app.ts";

export default createIdentityApp();
