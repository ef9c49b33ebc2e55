export { build } from "./build";
export { BuildError } from "./build-error";
export type { ApplicationBundle, Architecture, Bundle, LayerBundle, Target } from "./bundle";
export { readManifest } from "./manifest";
export type { Strategy } from "./strategy";
export { type Application, ApplicationError, readApplication } from "../contract/application";
