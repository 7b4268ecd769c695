export { type DatabaseCells, databaseCells } from "./bindings/database/testing/database-cells.ts";
