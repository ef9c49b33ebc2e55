import { requireOneSdk } from "../one-sdk";

requireOneSdk();

export { ApiFunction, type ApiFunctionArgs } from "./api-function";
export { Frontend, type FrontendArgs } from "./frontend";
export { ScheduledFunction, type ScheduledFunctionArgs } from "./scheduled-function";
export { Table, type TableArgs } from "./table";
export { WebApplication, type WebApplicationArgs } from "./web-application";
