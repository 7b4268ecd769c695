export { type DatabaseCells, databaseCells } from "./bindings/database/testing/database-cells.ts";
export { type OwnDatabase, startTestRunner, type TestRunner } from "./runner/testing/test-runner.ts";
