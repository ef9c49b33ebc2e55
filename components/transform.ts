/**
 * Adjusts the arguments that a component passes to one of its children, without a fork of the component: properties that
 * override the component's own, or a function from the component's arguments to those that are used.
 */
export type Transform<Args extends object> = Partial<Args> | ((args: Args) => Args);

/** Applies `transform` to `args`, without changing `args` itself. */
export function transformed<Args extends object>(args: Args, transform: Transform<Args> | undefined): Args {
  return typeof transform === "function" ? transform(args) : { ...args, ...transform };
}
