import { existsSync, realpathSync } from "node:fs";

/**
 * What workerd's binary is linked with (`ldd`), and nothing else: glibc, whose loader finds them under
 * these names. setpriv, which runs before workerd when the runner is root, adds libcap-ng.
 */
const names = {
  workerd: ["libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0"],
  setpriv: ["libcap-ng.so.0"],
};

const places = {
  x64: { loader: "/lib64/ld-linux-x86-64.so.2", triplet: "x86_64-linux-gnu" },
  arm64: { loader: "/lib/ld-linux-aarch64.so.1", triplet: "aarch64-linux-gnu" },
} as const;

/**
 * Pairs of a library's real path on the host and its name in a cell. Missing ones are left out: glibc
 * before 2.34 splits differently, and workerd itself says best what it lacks.
 */
export function sharedLibraries(withSetpriv: boolean): { host: string; cell: string }[] {
  const place = process.arch === "arm64" ? places.arm64 : places.x64;
  const folders = [`/lib/${place.triplet}`, `/usr/lib/${place.triplet}`, "/lib64", "/usr/lib64", "/usr/lib"];
  const wanted = [...names.workerd, ...(withSetpriv ? names.setpriv : [])];
  const found: { host: string; cell: string }[] = [{ host: place.loader, cell: place.loader }];
  for (const name of wanted) {
    const host = folders.map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
    if (host !== undefined) found.push({ host, cell: `/lib/${place.triplet}/${name}` });
  }
  return found
    .filter(({ host }) => existsSync(host))
    .map(({ host, cell }) => ({ host: realpathSync(host), cell }));
}
