/** A function `worker` as a resource: type, id, inputs and outputs, for `FakeResources.put`. */
export function worker(account: string, url: string) {
  const inputs = {
    name: "worker",
    location: "europe-west1",
    buildConfig: {
      runtime: "python312",
      entryPoint: "handle",
      source: { storageSource: { bucket: "sources", object: "worker.zip" } },
    },
    serviceConfig: { serviceAccountEmail: account },
  };
  return ["gcp:cloudfunctionsv2/function:Function", "worker", inputs, { url }] as const;
}
