import { dlopen, FFIType, read } from "bun:ffi";

/** The system calls that Bun does not offer. Looked up on first use: importing this costs nothing. */
function open() {
  const darwin = process.platform === "darwin";
  const path = darwin ? "libSystem.B.dylib" : "libc.so.6";
  const { i32, i64, u32, ptr } = FFIType;
  const { symbols } = dlopen(path, {
    socket: { args: [i32, i32, i32], returns: i32 },
    bind: { args: [i32, ptr, u32], returns: i32 },
    listen: { args: [i32, i32], returns: i32 },
    setsockopt: { args: [i32, i32, i32, ptr, u32], returns: i32 },
    syscall: { args: [i64, i64, i64, i64], returns: i64 },
  });
  const errno = darwin
    ? dlopen(path, { __error: { args: [], returns: ptr } }).symbols.__error
    : dlopen(path, { __errno_location: { args: [], returns: ptr } }).symbols.__errno_location;
  return {
    ...symbols,
    errno(): number {
      const location = errno();
      return location === null ? 0 : read.i32(location);
    },
  };
}

let opened: ReturnType<typeof open> | undefined;

export function libc(): ReturnType<typeof open> {
  opened ??= open();
  return opened;
}

function openLinux() {
  const { i32, u32, ptr } = FFIType;
  return dlopen("libc.so.6", {
    prlimit: { args: [i32, i32, ptr, ptr], returns: i32 },
    memfd_create: { args: [ptr, u32], returns: i32 },
  }).symbols;
}

let openedLinux: ReturnType<typeof openLinux> | undefined;

/** Those that only Linux has. */
export function linux(): ReturnType<typeof openLinux> {
  openedLinux ??= openLinux();
  return openedLinux;
}
