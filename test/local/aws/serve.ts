import { Environment } from "./environment";

/** Serves a function and prints the id of its process, until it is killed. */
async function main(): Promise<void> {
  const aws = await Environment.start();
  const { pid } = (await (await fetch(aws.apiUrl)).json()) as { pid: number };
  console.log(pid);
}

void main();
