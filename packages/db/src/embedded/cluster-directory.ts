import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { OpenWorkersError } from "@openworkers/core";
import type { Account } from "@openworkers/core/host";
import { errorCode } from "../faults.ts";
import { postgresMajor } from "./binaries.ts";

/** Version of the layout below. A release that changes it counts up, and older releases refuse the directory. */
const layout = 1;

const port = 5432;
// sockaddr_un.sun_path holds 108 bytes on Linux and 104 on macOS, a NUL included (unix(7), unix(4)).
const longestSocketPath = 103;

/**
 * The directory of an embedded PostgreSQL:
 *
 *     data/     PostgreSQL's own, of its account
 *     run/      its socket; a link to a directory with a short name where this one's is too long
 *     password  of the database user, ours alone
 *     layout    version of this layout
 *     lock      who runs it (`lockDirectory`)
 */
export class ClusterDirectory {
  readonly path: string;
  readonly dataPath: string;
  static readonly port = port;

  /** Creates the directory when it is not there, and finds out who must not use it. */
  constructor(path: string) {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    this.path = realpathSync(path);
    this.dataPath = join(this.path, "data");
  }

  get initialized(): boolean {
    return existsSync(this.dataPath);
  }

  /**
   * Checks that this release can use what is there.
   *
   * @throws OpenWorkersError DATA_DIR_NEWER, or CONFIG_INVALID for an older PostgreSQL's data.
   */
  checkVersions(): void {
    const found = readIfThere(join(this.path, "layout"));
    if (found !== undefined && Number(found) > layout) throw newer(this.path, `layout ${found.trim()}`);
    const major = readIfThere(join(this.dataPath, "PG_VERSION"))?.trim();
    if (major === undefined || major === String(postgresMajor)) return;
    if (Number(major) > postgresMajor) throw newer(this.path, `PostgreSQL ${major}`);
    throw new OpenWorkersError(
      "CONFIG_INVALID",
      `${this.path} holds data of PostgreSQL ${major}; this release runs ${postgresMajor}.`,
      { hint: `Dump it with the release that made it, and restore it into a new directory.` },
    );
  }

  /** Lets PostgreSQL's account pass through to its directories; nobody else sees what is in them. */
  open(account: Account | undefined): void {
    chmodSync(this.path, account === undefined ? 0o700 : 0o711);
    if (readIfThere(join(this.path, "layout")) === undefined) this.writePrivate("layout", `${layout}\n`);
  }

  /** The password of the database user; made when the directory is new. */
  password(): string {
    const found = readIfThere(join(this.path, "password"))?.trim();
    if (found !== undefined && found !== "") return found;
    if (this.initialized) {
      throw new OpenWorkersError("CONFIG_INVALID", `${join(this.path, "password")} is missing.`, {
        hint: "Put it back from a backup: the database cannot be opened without it.",
      });
    }
    const password = randomBytes(24).toString("base64url");
    this.writePrivate("password", `${password}\n`);
    return password;
  }

  /** The socket's directory: private to PostgreSQL's account, and short enough for a socket's path. */
  socketDirectory(account: Account | undefined): string {
    const run = join(this.path, "run");
    const fits = Buffer.byteLength(join(run, `.s.PGSQL.${port}`)) <= longestSocketPath;
    const linked = this.#linkedSocketDirectory();
    if (linked !== undefined && fits) this.removeLinkedSocketDirectory();
    if (linked !== undefined && !fits) return linked;
    if (fits) {
      makePrivate(run, account);
      return run;
    }
    // A TMPDIR that is long itself would not help.
    const parent = Buffer.byteLength(tmpdir()) < 60 ? tmpdir() : "/tmp";
    const directory = realpathSync(mkdtempSync(join(parent, "ow-pg-")));
    makePrivate(directory, account);
    rmSync(run, { recursive: true, force: true });
    symlinkSync(directory, run);
    return directory;
  }

  /** Removes the short directory, if one was needed. */
  removeLinkedSocketDirectory(): void {
    const linked = this.#linkedSocketDirectory();
    if (linked === undefined) return;
    rmSync(linked, { recursive: true, force: true });
    rmSync(join(this.path, "run"));
  }

  // Only a directory that looks as we made it is used again, or removed: others may write in its parent.
  #linkedSocketDirectory(): string | undefined {
    const run = join(this.path, "run");
    if (!lstatSync(run, { throwIfNoEntry: false })?.isSymbolicLink()) return undefined;
    const target = readlinkSync(run);
    const stat = lstatSync(target, { throwIfNoEntry: false });
    const dataOwner = statSync(this.dataPath, { throwIfNoEntry: false })?.uid;
    if (basename(target).startsWith("ow-pg-") && stat?.isDirectory() && (stat.mode & 0o077) === 0) {
      if (stat.uid === dataOwner || dataOwner === undefined) return target;
    }
    rmSync(run);
    return undefined;
  }

  /** Writes a file that only we can read, all of it or nothing. */
  writePrivate(name: string, content: string): void {
    const temporary = join(this.path, `${name}.new`);
    rmSync(temporary, { force: true });
    writeFileSync(temporary, content, { mode: 0o600, flag: "wx", flush: true });
    renameSync(temporary, join(this.path, name));
  }
}

/** Makes a directory that belongs to `account` (to us when there is none) and to nobody else. */
export function makePrivate(path: string, account: Account | undefined): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
  if (account !== undefined) chownSync(path, account.uid, account.gid);
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    if (errorCode(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}

function newer(path: string, what: string): OpenWorkersError {
  return new OpenWorkersError("DATA_DIR_NEWER", `${path} was written by a newer release (${what}).`, {
    hint: "Install that release, or choose another directory with --data.",
    details: { directory: path },
  });
}
