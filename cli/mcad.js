#!/usr/bin/env node
// The same commands as npm's scripts, without npm's own lines in their output: `npx mcad outputs --json | jq .aws`.
require("../run-typescript.js");
require("./mcad.ts");
