/** A matching route, with the values of its path variables. */
export interface RouteMatch<R> {
  readonly route: R;
  readonly pathParameters?: Readonly<Record<string, string>>;
}

/**
 * The most specific route for a request: a literal segment precedes a variable, a variable precedes a greedy one
 * (`{proxy+}`), a method precedes `ANY`, and `$default` is last.
 *
 * @param path decoded, without the stage.
 */
export function selectRoute<R extends { readonly routeKey: string }>(
  routes: readonly R[],
  method: string,
  path: string,
): RouteMatch<R> | undefined {
  const matches = routes.flatMap((route) => {
    const [routeMethod, pattern] = route.routeKey.split(" ");
    if (pattern === undefined || (routeMethod !== method && routeMethod !== "ANY")) return [];
    const pathParameters = matchPath(pattern, path);
    return pathParameters === undefined
      ? []
      : [{ route, pathParameters, rank: rankOf(pattern, routeMethod === "ANY") }];
  });
  const [best] = matches.sort((a, b) => (a.rank < b.rank ? -1 : 1));
  if (best !== undefined) {
    const { route, pathParameters } = best;
    return Object.keys(pathParameters).length > 0 ? { route, pathParameters } : { route };
  }
  const fallback = routes.find(({ routeKey }) => routeKey === "$default");
  return fallback && { route: fallback };
}

function matchPath(pattern: string, path: string): Record<string, string> | undefined {
  const parameters: Record<string, string> = {};
  const expected = pattern.split("/");
  const actual = path.split("/");
  for (const [i, segment] of expected.entries()) {
    const [, name, greedy] = /^\{([^}+]+)(\+?)\}$/.exec(segment) ?? [];
    if (name === undefined) {
      if (segment !== actual[i]) return undefined;
      continue;
    }
    const value = greedy ? actual.slice(i).join("/") : actual[i];
    if (value === undefined || value === "") return undefined;
    parameters[name] = value;
    if (greedy) return parameters;
  }
  return expected.length === actual.length ? parameters : undefined;
}

/** A sort key: one digit per segment, then one for the method; the most specific route sorts first. */
function rankOf(pattern: string, any: boolean): string {
  const segments = pattern
    .split("/")
    .map((segment) => (!segment.startsWith("{") ? "0" : segment.endsWith("+}") ? "2" : "1"));
  return `${segments.join("")}${any ? "1" : "0"}`;
}
