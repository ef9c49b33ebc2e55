import type { Target } from "./bundle";

/**
 * Modules that a cloud's Python runtime has beside the standard library, whatever the bundle holds; what is below one is
 * taken to exist.
 *
 * - AWS: the SDK with what it needs, and the runtime's own client (Lambda developer guide, "Building Lambda functions with
 *   Python": the runtimes include Boto3; `awslambdaric` and `snapshot_restore_py` are what they start functions with).
 * - Azure: none. The worker has modules of its own, of versions that the application does not choose; `azure-functions` is for the application's
 *   requirements (Functions Python developer guide, "Package management").
 * - Google Cloud: none, the buildpack installs what the archive holds.
 */
export const runtimeModules: Readonly<Record<Target, readonly string[]>> = {
  aws: [
    ...["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"],
    ...["awslambdaric", "runtime_client", "snapshot_restore_py"],
  ],
  azure: [],
  gcp: [],
};

/** Modules that a cloud's runtime imports from what is deployed, before it imports the function. */
export const runtimeImports: Readonly<Record<Target, readonly string[]>> = {
  aws: [],
  azure: ["azure.functions"],
  gcp: ["functions_framework"],
};
