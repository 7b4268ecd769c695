import type { Sandbox } from "./sandbox.ts";

/**
 * No sandbox: workerd as a plain child process. For development on systems without bubblewrap, and for who
 * asks for it in so many words; a hole in V8 is then a hole in the machine.
 */
export function noSandbox(): Sandbox {
  return {
    kind: "none",
    command: (files) => ({
      argv: [files.workerd],
      fds: [],
      socketsDirectory: files.socketsDirectory,
      aliveDirectory: files.aliveDirectory,
      user: undefined,
      infoFd: undefined,
      [Symbol.dispose]() {},
    }),
  };
}
