/**
 * The test files of which `bun test` said that something failed; undefined when that is not all that went wrong. It names a
 * file before the results that follow, again and again when files run beside each other, and repeats and counts what failed
 * at its end.
 *
 * @param lines what it printed, in order
 */
export function failedFiles(lines: Iterable<string>): string[] | undefined {
  const failed = new Set<string>();
  let current: string | undefined;
  let seen = 0;
  let counted = 0;
  for (const line of lines) {
    const text = Bun.stripANSI(line).trimEnd();
    const [, file] = /^(\S+\.test\.ts):$/.exec(text) ?? [];
    const [, fails] = /^ (\d+) fail$/.exec(text) ?? [];
    if (file !== undefined) current = file;
    else if (fails !== undefined) counted = Number(fails);
    else if (/^ \d+ errors?$/.test(text)) return undefined;
    else if (/^\d+ tests? failed:$/.test(text)) current = undefined;
    else if (current !== undefined && text.startsWith("(fail) ")) {
      failed.add(current);
      seen++;
    }
  }
  return seen > 0 && seen === counted ? [...failed] : undefined;
}
