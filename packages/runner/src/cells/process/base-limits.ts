import type { ResourceLimits } from "../os/rlimits.ts";

/**
 * What every cell is held to besides its memory, from before it has any code. Measured on a busy cell:
 * 15 threads (V8's platform starts one per core, less one), about 30 files plus one per connection. The runner has the
 * other end of each connection open: what one cell may hold, it must have for many.
 */
export const baseLimits: ResourceLimits = {
  core: 0,
  // workerd writes to no file at all: its output goes to pipes and sockets, which this does not count.
  fsize: 0,
  nofile: 2_048,
  nproc: 64,
  memlock: 0,
  msgqueue: 0,
};
