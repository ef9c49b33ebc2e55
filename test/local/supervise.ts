import path from "node:path";

import { startPython } from "../../local/process";

/** Starts `fork.py` and forwards its output, until this process is killed. */
startPython({
  python: "python3",
  program: path.join(__dirname, "fork.py"),
  environment: { PATH: process.env.PATH ?? "" },
  directory: __dirname,
  onLine: (line) => {
    console.log(line);
  },
});
