/** The two apps of a function behind Front Door: one serves while the other gets the update and is probed. */
export const colours = ["blue", "green"] as const;
export type Colour = (typeof colours)[number];

export const otherColour = (colour: Colour): Colour => (colour === "blue" ? "green" : "blue");

/** Name of the origin group of a function's app; blue's has the plain name, like that of a function with one app. */
export const originGroupOf = (functionName: string, colour: Colour): string =>
  colour === "blue" ? functionName : `${functionName}-green`;

/** Tag of an app with its release. */
export const releaseTag = "release";

/** The app that serves a function's requests. */
export interface Serving {
  readonly colour: Colour;
  /** Absent if the app was deployed without colours. */
  readonly release?: string;
}

/** The state of a function's apps before an update. */
export interface FunctionColours {
  /** The app of Front Door's route. Absent before the first deployment. */
  readonly serving?: Serving;
  /** Digest of the function's secret values, which are part of its release. */
  readonly secrets: string;
  /** Whether the function returns to one app, which is blue. */
  readonly ending: boolean;
}

/** The app that an update deploys to: the serving one if it already has the release, otherwise the other one. */
export function targetOf({ serving, ending }: Omit<FunctionColours, "secrets">, release: string): Colour {
  if (serving === undefined || ending) return "blue";
  return serving.release === release ? serving.colour : otherColour(serving.colour);
}
