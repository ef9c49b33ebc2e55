import type { Target } from "./bundle";

/**
 * Modules that a cloud's Python runtime has beside the standard library, whatever the bundle holds; what is below one is
 * taken to exist.
 *
 * - AWS: the SDK with what it needs, and the runtime's own client (Lambda developer guide, "Building Lambda functions with
 *   Python": the runtimes include Boto3; `awslambdaric` and `snapshot_restore_py` are what they start functions with).
 * - Azure: the worker and the library that it ships (azure-functions-python-worker, "Dependency isolation": customer's
 *   packages first, then the worker's).
 * - Google Cloud: none, the buildpack installs what the archive holds.
 */
export const runtimeModules: Readonly<Record<Target, readonly string[]>> = {
  aws: [
    ...["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"],
    ...["awslambdaric", "runtime_client", "snapshot_restore_py"],
  ],
  azure: ["azure.functions", "azure_functions_worker", "azure_functions_runtime", "proxy_worker"],
  gcp: [],
};
