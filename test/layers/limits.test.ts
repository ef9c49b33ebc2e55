import { describe, expect, it } from "vitest";

import { checkLayers, checkPrediction } from "../../layers/limits";

const layer = (size: number, unpackedSize = size) => ({ name: "web", size, unpackedSize });
const megabyte = 1_048_576;

describe("Lambda's quotas", () => {
  it("let a layer above 50 MB zipped go through S3, with a note", () => {
    expect(checkLayers([layer(52_428_800)], [])).toEqual([]);
    expect(checkLayers([layer(52_428_801)], [])).toEqual([
      "Note: layer web takes 50.0 MB zipped, more than the 50.0 MB that Lambda accepts in an upload: it goes through S3",
    ]);
  });

  it("accept 50 MB zipped of the function's own code", () => {
    expect(() => checkLayers([], [layer(52_428_800)])).not.toThrow();
    expect(() => checkLayers([], [layer(52_428_801)])).toThrow(
      /the function's own code web takes 50\.0 MB zipped, Lambda accepts 50\.0 in an upload; move data out of it/,
    );
  });

  it("accept 250 MB unpacked over the function and all of its layers", () => {
    const layers = [layer(megabyte, 120 * megabyte), layer(megabyte, 120 * megabyte)];
    expect(() => checkLayers(layers, [layer(1, 10 * megabyte)])).not.toThrow();
    expect(() => checkLayers(layers, [layer(1, 10 * megabyte + 1)])).toThrow(
      /the function with its layers takes 250\.0 MB unpacked, Lambda accepts 250\.0 MB unpacked over a function and all of its.*container images.*are not made here/,
    );
  });

  it("warn from 80%", () => {
    expect(checkLayers([layer(megabyte, 200 * megabyte)], [])).toEqual([]);
    expect(checkLayers([layer(megabyte, 201 * megabyte)], [])).toEqual([
      "Warning: the function with its layers takes 201.0 MB unpacked of the 250.0 MB that Lambda accepts",
    ]);
  });

  it("reject before any download what no pruning could reduce enough", () => {
    expect(() => {
      checkPrediction([{ size: 200 * megabyte }, { size: 100 * megabyte }]);
    }).toThrow(/the wheels of the layers take 300\.0 MB before they are unpacked/);
    expect(() => {
      checkPrediction([{ size: 251 * megabyte }, {}]);
    }).not.toThrow();
  });
});
