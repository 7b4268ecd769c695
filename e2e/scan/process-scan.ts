import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, statSync } from "node:fs";
import { join } from "node:path";

/** Something that must not be there, by the name under which it is reported. */
export interface Needle {
  readonly name: string;
  readonly bytes: Buffer;
}

/** `text` in every form in which a process of ours or of V8's would hold it. */
export function needlesOf(name: string, text: string): Needle[] {
  if (text.length < 8) throw new Error(`${name} is too short to look for`);
  const bytes = Buffer.from(text);
  const raw = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
    ? [{ name: `${name} (raw)`, bytes: Buffer.from(text.replaceAll("-", ""), "hex") }]
    : [];
  // Without the last characters, which depend on what comes next.
  const base64 = bytes.toString("base64").slice(0, Math.floor(bytes.length / 3) * 4);
  return [
    { name, bytes },
    { name: `${name} (UTF-16)`, bytes: Buffer.from(text, "utf16le") },
    { name: `${name} (hex)`, bytes: Buffer.from(bytes.toString("hex")) },
    ...(base64.length < 12 ? [] : [{ name: `${name} (base64)`, bytes: Buffer.from(base64) }]),
    ...raw,
  ];
}

/** Where in a process something was found: `memory`, `environ`, `fd`, … */
export interface Finding {
  readonly needle: string;
  readonly place: string;
}

export interface Scan {
  readonly findings: readonly Finding[];
  /** Bytes of memory that were looked at. */
  readonly memoryBytes: number;
  /** How many files it sees were read; none of a process without a sandbox. */
  readonly files: number;
}

/** Looks for `needles` in everything that belongs to a process. Takes root. */
export function scanProcess(pid: number, needles: readonly Needle[]): Scan {
  const findings = new Map<string, Finding>();
  const look = (place: string, content: Buffer) => {
    for (const { name, bytes } of needles) {
      if (content.indexOf(bytes) >= 0) findings.set(`${place} ${name}`, { needle: name, place });
    }
  };
  const proc = `/proc/${pid}`;
  for (const name of ["environ", "cmdline", "maps", "mountinfo", "comm"])
    look(name, readFileSync(join(proc, name)));
  for (const name of filesBelow(join(proc, "net")))
    look(`net/${name}`, readOrNothing(join(proc, "net", name)));
  for (const fd of readdirSync(join(proc, "fd"))) {
    look("fd", Buffer.from(linkOrNothing(join(proc, "fd", fd))));
    look("fdinfo", readOrNothing(join(proc, "fdinfo", fd)));
  }
  // Who sees the machine's own files sees those of everybody.
  const sandboxed =
    statSync(join(proc, "root")).ino !== statSync("/").ino ||
    statSync(join(proc, "root")).dev !== statSync("/").dev;
  const files = sandboxed ? visibleFiles(join(proc, "root")) : [];
  for (const file of files) {
    look("file name", Buffer.from(file));
    look("file", readOrNothing(file));
  }
  const memoryBytes = scanMemory(pid, needles, look);
  return { findings: [...findings.values()], memoryBytes, files: files.length };
}

const chunkBytes = 1 << 20;
const pageBytes = 4_096;

/** Every page of the process's own: all that is in memory and is not just a file's content. */
function scanMemory(
  pid: number,
  needles: readonly Needle[],
  look: (place: string, content: Buffer) => void,
): number {
  const overlap = Math.max(...needles.map(({ bytes }) => bytes.length)) - 1;
  const buffer = Buffer.alloc(chunkBytes);
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const pagemap = openSync(`/proc/${pid}/pagemap`, "r");
  let total = 0;
  try {
    for (const region of ownRegions(readFileSync(`/proc/${pid}/smaps`, "latin1"))) {
      for (const { start, end } of presentRuns(pagemap, region)) {
        for (let at = start; at < end; at += chunkBytes - overlap) {
          const length = readAt(memory, buffer, at, Math.min(chunkBytes, end - at));
          total += length;
          look("memory", buffer.subarray(0, length));
        }
      }
    }
  } finally {
    closeSync(memory);
    closeSync(pagemap);
  }
  return total;
}

interface Region {
  readonly start: number;
  readonly end: number;
}

/** Regions that can be read and hold pages; without those that are a file's, unchanged. */
function ownRegions(smaps: string): Region[] {
  const regions: Region[] = [];
  for (const entry of smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    const [, start = "", end = "", mode = "", inode = "0", path = ""] =
      /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ (\d+)[ ]*(.*)/.exec(entry) ?? [];
    const resident = /^Rss: +(\d+) kB/m.exec(entry)?.[1] ?? "0";
    const swapped = /^Swap: +(\d+) kB/m.exec(entry)?.[1] ?? "0";
    const fileContent = inode !== "0" && !mode.includes("w");
    if (!mode.startsWith("r") || fileContent || /^\[v(var|syscall)/.test(path)) continue;
    if (resident === "0" && swapped === "0") continue;
    regions.push({ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16) });
  }
  return regions;
}

/** The parts of a region that were ever written: V8 reserves gigabytes and touches a few of their pages. */
function presentRuns(pagemap: number, { start, end }: Region): Region[] {
  const entries = Buffer.alloc(((end - start) / pageBytes) * 8);
  const length = readAt(pagemap, entries, (start / pageBytes) * 8, entries.length);
  const runs: { start: number; end: number }[] = [];
  for (let offset = 0; offset < length; offset += 8) {
    // Bits 62 and 63: swapped, present (admin-guide/mm/pagemap.rst).
    if ((entries[offset + 7] ?? 0) < 0x40) continue;
    const address = start + (offset / 8) * pageBytes;
    const last = runs.at(-1);
    if (last?.end === address) last.end += pageBytes;
    else runs.push({ start: address, end: address + pageBytes });
  }
  return runs;
}

function readAt(fd: number, buffer: Buffer, position: number, length: number): number {
  try {
    return readSync(fd, buffer, 0, length, position);
  } catch (thrown) {
    // A region that has gone since it was listed.
    if (thrown instanceof Error && "code" in thrown && thrown.code === "EIO") return 0;
    throw thrown;
  }
}

const largestFile = 4 << 20;

/** Files that a process sees below its root, without the kernel's own. */
function visibleFiles(root: string): string[] {
  const found: string[] = [];
  const walk = (folder: string) => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (folder !== root || !["proc", "sys", "dev"].includes(entry.name)) walk(path);
      } else found.push(path);
    }
  };
  walk(root);
  return found;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

/** A file's content; nothing of a socket, of what is larger than any file that could be a secret's, and of what has gone. */
function readOrNothing(path: string): Buffer {
  try {
    const { size } = statSync(path);
    return size > largestFile ? Buffer.alloc(0) : readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

function linkOrNothing(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ""; // It was closed while we looked.
  }
}
