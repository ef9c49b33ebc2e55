import type * as pulumi from "@pulumi/pulumi";

/** The value of an output that is known in previews too; for other outputs, the promise stays pending in a preview. */
export function resolved<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}
