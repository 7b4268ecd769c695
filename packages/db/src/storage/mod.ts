export { type BucketPlace, bucketPlace, createS3Bucket, listBucketBackends, type S3Keys } from "./buckets.ts";
export { PostgresStore, type PostgresStoreOptions } from "./postgres-store.ts";
export { type SweepOptions, type Swept, sweepStorage } from "./sweep.ts";
