import { trustedCertificates } from "../../egress/dial/certificates.ts";
import { Guard } from "../../egress/guard/guard.ts";
import type { RunnerSettings } from "../../runner/settings.ts";
import type { StorageServices } from "./bucket-stores.ts";
import { judgedBy } from "./judge-endpoint.ts";

/** Where buckets may be by an operator's settings. Without a runner's `guard`, that of a process that serves nothing. */
export function storageServices({ s3, egress }: RunnerSettings, guard?: Guard): StorageServices {
  return {
    s3,
    judge: judgedBy(guard ?? new Guard({ permissions: egress.permissions })),
    authorities: trustedCertificates(egress.certificates),
  };
}
