#!/usr/bin/env node
// The same commands as npm's scripts, without npm's own lines in their output: `npx mcad outputs --json | jq .aws`.
require("../run-typescript.js");

const commands = ["local", "layer", "diagnose"];
const [first] = process.argv.slice(2);
// A verb of `local` needs no name before it, but `diagnose` is the one of real clouds.
const command = commands.includes(first) ? process.argv.splice(2, 1)[0] : "local";
require(`./${command}.ts`);
