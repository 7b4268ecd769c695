export { type TypeCase, typeContract, typeContractSetup } from "./testing/type-contract.ts";
