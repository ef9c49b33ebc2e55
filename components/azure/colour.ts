/** The two apps of a function behind Front Door: the one serves while the other gets what is new, and is asked. */
export const colours = ["blue", "green"] as const;
export type Colour = (typeof colours)[number];

export const otherColour = (colour: Colour): Colour => (colour === "blue" ? "green" : "blue");

/** Name of the origin group of a function's app; blue's has the plain name, as that of a function with one app. */
export const originGroupOf = (functionName: string, colour: Colour): string =>
  colour === "blue" ? functionName : `${functionName}-green`;

/** Tag of an app with the release that it was given. */
export const releaseTag = "release";

/** What serves a function's requests. */
export interface Serving {
  readonly colour: Colour;
  /** Absent where the app was deployed without colours. */
  readonly release?: string;
}

/** The apps of one function, as they are found before an update. */
export interface FunctionColours {
  /** Where Front Door's route goes. Absent before the first deployment. */
  readonly serving?: Serving;
  /** Digest of the values of the function's secrets, which are a part of its release. */
  readonly secrets: string;
  /** Whether the function goes back to one app, which is blue. */
  readonly ending: boolean;
}

/** The app that an update deploys to: the one that serves where that has the release, else the other. */
export function targetOf({ serving, ending }: Omit<FunctionColours, "secrets">, release: string): Colour {
  if (serving === undefined || ending) return "blue";
  return serving.release === release ? serving.colour : otherColour(serving.colour);
}
