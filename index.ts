import { deployApplication } from "./stack";

/** The program of this repository's own stacks, which `pulumi up` runs. */
export = () => deployApplication(__dirname);
