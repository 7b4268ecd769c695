export { newPasswords, type RolePasswords } from "./roles.ts";
export type { ServerReport } from "./server-facts.ts";
export { sessionSettings, startupOptions } from "./session-settings.ts";
export { SizeSweeper, type SizeSweeperOptions, type Swept } from "./size-sweeper.ts";
export { type TenantOnServer, TenantServer } from "./tenant-server.ts";
export { type Bite, type Offence, Watchdog, type WatchdogOptions } from "./watchdog.ts";
