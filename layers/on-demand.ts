/** Imports modules of this project when they are needed: what a command does not use costs its user no time. */
export function onDemand<Modules>(load: () => Promise<Modules>): Promise<Modules> {
  return load();
}
