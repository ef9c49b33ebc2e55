import { storedFile } from "../cdn";
import { type HttpResponse, response } from "../http";
import { allows, parsePolicy } from "./iam";
import type { AwsResources, Resource } from "./resources";

/**
 * GetObject, as a CloudFront distribution asks for it.
 *
 * @param distributionArn the distribution that signs the request; absent where it is anonymous.
 */
export async function getObject(
  resources: AwsResources,
  bucket: Resource<"aws:s3/bucket:Bucket">,
  key: string,
  distributionArn: string | undefined,
): Promise<HttpResponse> {
  const statements = resources
    .list("aws:s3/bucketPolicy:BucketPolicy")
    .filter((policy) => policy.bucket === bucket.bucket)
    .flatMap(({ policy }) => parsePolicy(policy));
  const allowed = (action: string, resource: string) =>
    allows(statements, {
      action,
      resource,
      principal: distributionArn === undefined ? undefined : ["Service", "cloudfront.amazonaws.com"],
      // CloudFront speaks TLS to S3.
      context: { "aws:securetransport": "true", ...(distributionArn && { "aws:sourcearn": distributionArn }) },
    });

  if (!allowed("s3:GetObject", `${bucket.arn}/${key}`)) return error(403, "AccessDenied", "Access Denied");
  const object = resources.find(
    "aws:s3/bucketObjectv2:BucketObjectv2",
    (o) => o.bucket === bucket.bucket && o.key === key,
  );
  if (object === undefined) {
    // Whether something exists is only told to those who may list.
    return allowed("s3:ListBucket", bucket.arn)
      ? error(404, "NoSuchKey", "The specified key does not exist.")
      : error(403, "AccessDenied", "Access Denied");
  }

  return storedFile(object.source.path, object);
}

function error(status: number, code: string, message: string): HttpResponse {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return response(status, body, [["Content-Type", "application/xml"]]);
}
