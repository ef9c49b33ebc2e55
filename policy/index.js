// The rules run as they are; their types are checked by `npm run typecheck`, not at each deployment.
require("../run-typescript.js");
require("./pack.ts");
