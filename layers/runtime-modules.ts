import type { Target } from "./bundle";

/**
 * Modules that a cloud's Python runtime provides beside the standard library, including their submodules.
 *
 * - AWS: the SDK with its dependencies, and the runtime's own client (Lambda developer guide, "Building Lambda functions
 *   with Python": the runtimes include Boto3; `awslambdaric` and `snapshot_restore_py` start functions).
 * - Azure: none. The worker has modules of its own, but the application does not choose their versions;
 *   `azure-functions` belongs in the application's requirements (Functions Python developer guide, "Package
 *   management").
 * - Google Cloud: none. The buildpack installs what is in the archive.
 */
export const runtimeModules: Readonly<Record<Target, readonly string[]>> = {
  aws: [
    ...["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"],
    ...["awslambdaric", "runtime_client", "snapshot_restore_py"],
  ],
  azure: [],
  gcp: [],
};

/** Deployed modules that a cloud's runtime imports before the function. */
export const runtimeImports: Readonly<Record<Target, readonly string[]>> = {
  aws: [],
  azure: ["azure.functions"],
  gcp: ["functions_framework"],
};
