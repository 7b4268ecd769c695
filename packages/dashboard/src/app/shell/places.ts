import {
  LucideActivity,
  LucideBoxes,
  LucideBuilding2,
  LucideCalendarClock,
  LucideDatabase,
  LucideHardDrive,
  LucideHouse,
  type LucideIcon,
  LucideKeyRound,
  LucideListOrdered,
  LucideScrollText,
  LucideTable2,
  LucideUserRound,
} from "@lucide/angular";

export interface Place {
  readonly name: string;
  readonly path: string;
  readonly icon: LucideIcon;
  /** Typed after `g`, goes there. */
  readonly key?: string;
  /** Only for operators. */
  readonly system?: boolean;
}

/** Where one can go from anywhere: the sidebar, the palette and the keys all read this. */
export const places: readonly { readonly name: string; readonly places: readonly Place[] }[] = [
  {
    name: "Compute",
    places: [
      { name: "Overview", path: "/", icon: LucideHouse, key: "o" },
      { name: "Workers", path: "/workers", icon: LucideBoxes, key: "w" },
      { name: "Logs", path: "/logs", icon: LucideScrollText, key: "l" },
      { name: "Crons", path: "/crons", icon: LucideCalendarClock, key: "c" },
      { name: "Queues", path: "/queues", icon: LucideListOrdered, key: "q" },
    ],
  },
  {
    name: "Data",
    places: [
      { name: "KV", path: "/kv", icon: LucideTable2, key: "k" },
      { name: "Storage", path: "/storage", icon: LucideHardDrive, key: "s" },
      { name: "Databases", path: "/databases", icon: LucideDatabase, key: "d" },
    ],
  },
  {
    name: "Settings",
    places: [
      { name: "Account", path: "/account", icon: LucideUserRound, key: "a" },
      { name: "API keys", path: "/account/keys", icon: LucideKeyRound },
      { name: "Organisation", path: "/organisation", icon: LucideBuilding2 },
      { name: "System", path: "/system", icon: LucideActivity, system: true },
    ],
  },
];
