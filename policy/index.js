// tsx runs the rules as they are; their types are checked by `npm run typecheck`, not at each deployment.
require("tsx/cjs");
require("./pack.ts");
