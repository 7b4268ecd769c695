import { z } from "zod";

/** What a profile may be called: it is the name of a file. */
export const profileName = z.string().regex(/^(?!\.)[A-Za-z0-9._-]{1,64}$/);
