import type { Fault } from "../cloud-tests";

const fn = "gcp:cloudfunctionsv2/function:Function";
const urlMap = "gcp:compute/uRLMap:URLMap";
const forwardingRule = "gcp:compute/globalForwardingRule:GlobalForwardingRule";
const securityPolicy = "gcp:compute/securityPolicy:SecurityPolicy";
const elsewhere = "us-east4";

/** A fault for each rule of relations.ts. */
export const faults: Readonly<Record<string, Fault>> = {
  "an instance's memory suits its CPUs": { type: fn, inputs: { serviceConfig: { availableMemory: "8192Mi" } } },
  "the entry point is a function of the source's entry file": {
    type: fn,
    inputs: { buildConfig: { entryPoint: "none" } },
  },
  "the repository of a function's images is where the function is": { type: fn, inputs: { location: elsewhere } },
  "a serverless endpoint group, and who may call the service, are where the function is": {
    type: "gcp:compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup",
    inputs: { region: elsewhere },
  },
  "a role on a repository names where it is": {
    type: "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember",
    inputs: { location: elsewhere },
  },
  "the database is where the function is": {
    type: "gcp:firestore/database:Database",
    inputs: { locationId: elsewhere },
  },
  "a serverless backend has no health check, port name or timeout": {
    type: "gcp:compute/backendService:BackendService",
    inputs: { healthChecks: "projects/shop-123456/global/healthChecks/api" },
  },
  "the load-balancing scheme is the same throughout": {
    type: forwardingRule,
    inputs: { loadBalancingScheme: "EXTERNAL" },
  },
  "a URL map answers what no path matches in one way": {
    type: urlMap,
    inputs: { defaultService: "site", defaultUrlRedirect: { httpsRedirect: true } },
  },
  "a host rule's path matcher is in its URL map": {
    type: urlMap,
    inputs: { hostRules: [{ hosts: ["app.example.com"], pathMatcher: "none" }] },
  },
  "forwarding rules of one address differ in their port, which suits the proxy": {
    type: forwardingRule,
    inputs: { portRange: "443" },
  },
  "a security policy ends with a rule for everyone else, and no two have one priority": {
    type: securityPolicy,
    inputs: { rules: [{ priority: 1000 }] },
  },
  "a security policy's rule matches by an expression or by addresses, and each expression can be read": {
    type: securityPolicy,
    inputs: { rules: [{ match: { expr: { expression: "evaluatePreconfiguredWaf('sqli-v33-stable'" } } }] },
  },
  "a condition of a role can be read": {
    type: "gcp:projects/iAMMember:IAMMember",
    inputs: { condition: { expression: "resource.name ==" } },
  },
  "a job calls a function of the program, for whom its token is and where its account may invoke it": {
    type: "gcp:cloudrunv2/serviceIamMember:ServiceIamMember",
    inputs: { member: "allUsers" },
  },
  "a job is where the function is that it calls": {
    type: "gcp:cloudscheduler/job:Job",
    inputs: { region: elsewhere },
  },
  "a function reads secrets in versions that there are, as an account that may read them": {
    type: "gcp:secretmanager/secretIamMember:SecretIamMember",
    inputs: { secretId: "another" },
  },
  "a member is everyone, an account of the program, or the load balancer's own": {
    type: "gcp:projects/iAMMember:IAMMember",
    inputs: { member: "serviceAccount:nobody@shop-123456.iam.gserviceaccount.com" },
  },
};
