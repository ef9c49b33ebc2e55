import { z } from "zod";

import { type Cloud, clouds } from "../../contract/clouds";

const outputs = z.looseObject({
  functions: z
    .record(
      z.string(),
      z.looseObject({ url: z.string().optional(), probes: z.array(z.looseObject({ path: z.string() })).default([]) }),
    )
    .default({}),
});

/** The public requests that probe a stack's functions. */
export function probedFunctions(
  values: Readonly<Record<string, unknown>>,
): { readonly cloud: Cloud; readonly url: string; readonly path: string }[] {
  return clouds.flatMap((cloud) => {
    if (!(cloud in values)) return [];
    return Object.values(outputs.parse(values[cloud]).functions).flatMap(({ url, probes }) =>
      url === undefined ? [] : probes.map(({ path }) => ({ cloud, url, path })),
    );
  });
}
