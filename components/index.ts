import { requireOneSdk } from "./one-sdk";

requireOneSdk();

export { type BundleOptions, buildBundles, type LayerStrategy } from "./bundles";
export { type FunctionOverrides, type FunctionPlan, planFunctions } from "./function-plan";
export type { AwsOutputs, AzureOutputs, GcpOutputs, LayerOutputs, StackOutputs } from "./outputs";
export { type Transform } from "./transform";
export { type Application, readApplication } from "../contract/application";
