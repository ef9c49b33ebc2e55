import { requireOneSdk } from "../one-sdk";

requireOneSdk();

export { ApiFunction, type ApiFunctionArgs } from "./api-function";
export { CodeSigning, type CodeSigningArgs, type CodeSigningPolicy, type SignedZip } from "./code-signing";
export { Frontend, type FrontendArgs } from "./frontend";
export { HttpApi, type HttpApiArgs } from "./http-api";
export { ScheduledFunction, type ScheduledFunctionArgs } from "./scheduled-function";
export { Table, type TableArgs } from "./table";
export { WebApplication, type WebApplicationArgs } from "./web-application";
export { DependencyLayer, type DependencyLayerArgs, type PublishedLayer } from "../dependency-layer";
