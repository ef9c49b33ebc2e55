const anyText = "any text";
const defaulted =
  "AWS has a default; the provider's own schema requires it, which is what the program's types are made of";
const providerRequires = "the service's model requires nothing in a destination; the provider's own schema does";
const providersOwn = "the provider reads it and sends it nowhere; the program's types say that it is a boolean";

/** Types with tags, whose keys and values the user chooses. */
const tagged = [
  "aws:apigatewayv2/api:Api",
  "aws:apigatewayv2/stage:Stage",
  "aws:cloudfront/distribution:Distribution",
  "aws:cloudwatch/logGroup:LogGroup",
  "aws:cloudwatch/metricAlarm:MetricAlarm",
  "aws:dynamodb/table:Table",
  "aws:iam/role:Role",
  "aws:lambda/codeSigningConfig:CodeSigningConfig",
  "aws:lambda/function:Function",
  "aws:s3/bucket:Bucket",
  "aws:secretsmanager/secret:Secret",
  "aws:signer/signingProfile:SigningProfile",
  "aws:sns/topic:Topic",
  "aws:wafv2/webAcl:WebAcl",
];

/** Mutations that AWS accepts, or whose rejection it does not document, by `<type> <path>: <kind>`, with the reason. */
export const accepted: Readonly<Record<string, string>> = {
  ...Object.fromEntries(tagged.map((type) => [`${type} tags: unknown property`, "a tag more"])),
  "aws:apigatewayv2/api:Api name: bad value": anyText,
  "aws:cloudfront/distribution:Distribution comment: bad value": anyText,
  "aws:cloudfront/distribution:Distribution defaultCacheBehavior.cachedMethods: missing": defaulted,
  "aws:cloudfront/distribution:Distribution orderedCacheBehaviors.cachedMethods: missing": defaulted,
  "aws:cloudfront/distribution:Distribution origins.customOriginConfig.originSslProtocols: missing": defaulted,
  "aws:cloudfront/distribution:Distribution restrictions: missing": defaulted,
  "aws:cloudfront/distribution:Distribution viewerCertificate: missing": defaulted,
  "aws:cloudfront/originAccessControl:OriginAccessControl name: bad value": anyText,
  "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy name: bad value": "no alphabet is documented",
  "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy name: too long": "no length is documented",
  "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy securityHeadersConfig.contentSecurityPolicy.contentSecurityPolicy: bad value":
    "AWS does not read the header's value",
  "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy securityHeadersConfig.contentSecurityPolicy.contentSecurityPolicy: too long":
    "a quota of the account",
  "aws:cloudwatch/dashboard:Dashboard dashboardBody.widgets.properties.title: bad value": anyText,
  "aws:cloudwatch/metricAlarm:MetricAlarm alarmDescription: bad value": anyText,
  "aws:cloudwatch/metricAlarm:MetricAlarm name: bad value": anyText,
  "aws:cloudwatch/metricAlarm:MetricAlarm threshold: out of range": "any number",
  "aws:lambda/codeSigningConfig:CodeSigningConfig description: bad value": anyText,
  "aws:lambda/function:Function environment.variables.APPLICATION_VERSION: bad value": anyText,
  "aws:lambda/function:Function environment.variables.MULTICLOUD_CANARY: bad value":
    "it is read for its presence alone",
  "aws:lambda/function:Function environment.variables.MULTICLOUD_RELEASE: bad value": anyText,
  "aws:lambda/function:Function description: bad value": anyText,
  "aws:lambda/function:Function environment.variables.AUTH_AUDIENCE: bad value": anyText,
  "aws:lambda/function:Function environment.variables.AUTH_ISSUER: bad value": anyText,
  "aws:lambda/function:Function environment.variables.SHOP_CURRENCY: bad value": anyText,
  "aws:secretsmanager/secretVersion:SecretVersion secretString: bad value": anyText,
  "aws:secretsmanager/secretVersion:SecretVersion secretString: too long": "it may have 65,536 bytes",
  "aws:lambda/function:Function environment.variables: unknown property": "a variable more",
  "aws:lambda/function:Function loggingConfig.logFormat: missing": defaulted,
  "aws:lambda/function:Function tracingConfig.mode: missing": defaulted,
  "aws:lambda/layerVersion:LayerVersion description: bad value": anyText,
  "aws:lambda/layerVersion:LayerVersion skipDestroy: wrong type": providersOwn,
  "aws:lambda/layerVersionPermission:LayerVersionPermission versionNumber: out of range":
    "which versions there are, no model says",
  "aws:s3/bucket:Bucket forceDestroy: wrong type": providersOwn,
  "aws:signer/signingJob:SigningJob destination.s3: missing": providerRequires,
  "aws:signer/signingJob:SigningJob destination.s3.bucket: missing": providerRequires,
};
