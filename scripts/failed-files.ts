/**
 * The test files of which `bun test` said that something failed. It names a file before the results that follow, again and
 * again when files run beside each other, and repeats what failed at its end, without names.
 *
 * @param lines what it printed, in order
 */
export function failedFiles(lines: Iterable<string>): Set<string> {
  const failed = new Set<string>();
  let current: string | undefined;
  for (const line of lines) {
    const text = Bun.stripANSI(line).trimEnd();
    const [, file] = /^(\S+\.test\.ts):$/.exec(text) ?? [];
    if (file !== undefined) current = file;
    else if (/^\d+ tests? failed:$/.test(text)) current = undefined;
    else if (current !== undefined && text.startsWith("(fail) ")) failed.add(current);
  }
  return failed;
}
