import type { HttpFunction } from "../contract/application";

/**
 * The paths of the frontend's address that a function answers, each exact or ending in `/*`. The site has `/*` there, so a
 * function that answers everything is found below `/api/`.
 */
export function frontendPatterns({ routes }: Pick<HttpFunction, "routes">): string[] {
  return [...new Set(routes.map((route) => (route === "/*" ? "/api/*" : route)))];
}
