#!/usr/bin/env node
// The same commands as the npm scripts, without npm's lines in their output: `npx mcad outputs --json | jq .aws`.
require("../run-typescript.js");
require("./mcad.ts");
