export * from "./check-form.ts";
