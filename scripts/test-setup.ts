import { setDefaultTimeout } from "bun:test";

// Tests wait for events, never for durations; this only ends one whose event does not come. A shared CI machine
// may be many times slower than a developer's.
setDefaultTimeout(60_000);
