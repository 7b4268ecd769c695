import type { ObjectStore } from "@openworkers/core";
import type { S3Keys, S3Place, StorageBackend } from "@openworkers/db";

/** A bucket, as the commands see it. */
export interface BucketSummary {
  readonly id: string;
  readonly name: string;
  /** Name of the user it belongs to. */
  readonly owner: string;
  readonly createdAt: Date;
  /** Where its objects are; absent before its first use. */
  readonly backend?: StorageBackend;
}

/** A bucket on a user's own S3 server. */
export interface OwnS3 {
  readonly place: S3Place;
  readonly keys: S3Keys;
}

export interface BucketAccess {
  readonly bucket: BucketSummary;
  readonly store: ObjectStore;
}
