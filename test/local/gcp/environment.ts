import { startGcp } from "../../../local/gcp/data-plane";
import { bundleFor } from "../bundle";
import { Environment } from "../environment";
import { freePort } from "../../../local/free-port";
import { blob } from "../resources";

/** The local Google Cloud around the application's own bundle. Tests can change everything in `resources`. */
export class GcpEnvironment extends Environment {
  protected startCloud() {
    return startGcp(this.resources, this.state);
  }

  protected async declare(): Promise<void> {
    const { resources, state } = this;
    this.apiUrl = `http://127.0.0.1:${await freePort()}`;
    const siteHost = `127.0.0.1:${await freePort()}`;
    this.siteUrl = `http://${siteHost}`;
    const source = await bundleFor("gcp");

    resources.put("gcp:firestore/database:Database", "projects/p/databases/messages", { name: "messages" });
    resources.put("gcp:storage/bucketObject:BucketObject", "sources-api", {
      bucket: "sources",
      name: "api.zip",
      source: { path: source.path, sha256: source.sha256 },
    });
    resources.put(
      "gcp:cloudfunctionsv2/function:Function",
      "projects/p/locations/asia-northeast1/functions/api",
      {
        name: "api",
        location: "asia-northeast1",
        buildConfig: {
          runtime: `python${source.pythonVersion.replace(".", "")}`,
          entryPoint: "handle",
          environmentVariables: {
            GOOGLE_FUNCTION_SOURCE: "multicloud_entry.py",
            GOOGLE_VENDOR_PIP_DEPENDENCIES: "wheels",
          },
          source: { storageSource: { bucket: "sources", object: "api.zip" } },
        },
        serviceConfig: {
          timeoutSeconds: 10,
          serviceAccountEmail: "api@p.iam.gserviceaccount.com",
          environmentVariables: {
            MESSAGES_TABLE: "messages",
            MESSAGES_DATABASE: "messages",
            GOOGLE_CLOUD_PROJECT: "p",
            APPLICATION_VERSION: "3.0.0",
          },
        },
      },
      { serviceConfig: { uri: this.apiUrl } },
    );
    resources.put("gcp:projects/iAMMember:IAMMember", "messages", {
      role: "roles/datastore.user",
      member: "serviceAccount:api@p.iam.gserviceaccount.com",
      condition: { title: "messages", expression: 'resource.name == "projects/p/databases/messages"' },
    });
    resources.put("gcp:cloudrunv2/serviceIamMember:ServiceIamMember", "invoker", {
      name: "api",
      role: "roles/run.invoker",
      member: "allUsers",
    });

    resources.put("gcp:storage/bucket:Bucket", "site", {
      name: "site",
      website: { mainPageSuffix: "index.html" },
    });
    resources.put("gcp:storage/bucketIAMMember:BucketIAMMember", "site", {
      bucket: "site",
      role: "roles/storage.objectViewer",
      member: "serviceAccount:service-1@https-lb.iam.gserviceaccount.com",
    });
    for (const [name, contentType, content] of [
      ["index.html", "text/html; charset=utf-8", `<!doctype html><title>page</title>${"<p>text</p>".repeat(200)}`],
      ["logo.png", "image/png", "not really"],
    ] as const) {
      resources.put("gcp:storage/bucketObject:BucketObject", `site-${name}`, {
        bucket: "site",
        name,
        contentType,
        cacheControl: "no-cache",
        source: blob(state, content),
      });
    }
    resources.put("gcp:compute/backendBucket:BackendBucket", "site", {
      bucketName: "site",
      enableCdn: true,
      compressionMode: "AUTOMATIC",
      customResponseHeaders: ["X-Frame-Options: DENY"],
    });
    resources.put("gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup", "neg", {
      networkEndpointType: "SERVERLESS",
      cloudRun: { service: "api" },
    });
    resources.put("gcp:compute/backendService:BackendService", "api", { backends: [{ group: "neg" }] });
    resources.put("gcp:compute/uRLMap:URLMap", "map", {
      defaultService: "site",
      hostRules: [{ hosts: ["*"], pathMatcher: "all" }],
      pathMatchers: [
        {
          name: "all",
          defaultService: "site",
          pathRules: [
            { paths: ["/api/*"], service: "api" },
            {
              paths: ["/*"],
              service: "site",
              customErrorResponsePolicy: {
                errorService: "site",
                errorResponseRules: [{ matchResponseCodes: ["404"], path: "/index.html", overrideResponseCode: 200 }],
              },
            },
          ],
        },
      ],
    });
    resources.put("gcp:compute/targetHttpProxy:TargetHttpProxy", "proxy", { urlMap: "map" });
    resources.put("gcp:compute/globalAddress:GlobalAddress", "address", {}, { address: siteHost });
    resources.put("gcp:compute/globalForwardingRule:GlobalForwardingRule", "rule", {
      ipAddress: siteHost,
      portRange: "80",
      target: "proxy",
    });
  }
}
