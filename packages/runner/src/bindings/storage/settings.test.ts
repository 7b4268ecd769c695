import { expect, test } from "bun:test";
import { readS3Settings } from "./settings.ts";

const all = {
  OW_S3_ENDPOINT: "https://s3.example.com",
  OW_S3_BUCKET: "objects",
  OW_S3_ACCESS_KEY_ID: "id",
  OW_S3_SECRET_ACCESS_KEY: "secret",
};

test("the platform's S3 bucket is read from the environment, and is none without", () => {
  expect(readS3Settings({ OW_S3_ENDPOINT: "" })).toBeUndefined();
  expect(readS3Settings(all)).toEqual({
    endpoint: "https://s3.example.com",
    bucket: "objects",
    region: "us-east-1",
    accessKeyId: "id",
    secretAccessKey: "secret",
  });
});

test.each(Object.keys(all))("%s has to be there with the others", (name) => {
  expect(() => readS3Settings({ ...all, [name]: "" })).toThrow(name);
});

test.each([
  "s3.example.com",
  "ftp://s3.example.com",
  "https://user:password@s3.example.com",
  "https://x/?a=b",
])("an endpoint such as %s is refused", (endpoint) => {
  expect(() => readS3Settings({ ...all, OW_S3_ENDPOINT: endpoint })).toThrow("OW_S3_ENDPOINT");
});
