import { describe, expect, it } from "vitest";

import { checkLayers, checkPrediction } from "../../layers/limits";

const layer = (size: number, unpackedSize = size) => ({ name: "web", size, unpackedSize });
const megabyte = 1_048_576;

describe("Lambda's quotas", () => {
  it("accept 50 MB zipped to the byte", () => {
    expect(() => checkLayers([layer(52_428_800)], [])).not.toThrow();
    expect(() => checkLayers([layer(52_428_801)], [])).toThrow(
      /layer web takes 50\.0 MB zipped, Lambda accepts 50\.0; remove requirements, or use layerStrategy split/,
    );
  });

  it("accept 250 MB unpacked over the function and all of its layers", () => {
    const layers = [layer(megabyte, 120 * megabyte), layer(megabyte, 120 * megabyte)];
    expect(() => checkLayers(layers, [layer(1, 10 * megabyte)])).not.toThrow();
    expect(() => checkLayers(layers, [layer(1, 10 * megabyte + 1)])).toThrow(
      /the function with its layers takes 250\.0 MB unpacked, Lambda accepts 250\.0/,
    );
  });

  it("warn from 80%", () => {
    expect(checkLayers([layer(40 * megabyte)], [])).toEqual([]);
    expect(checkLayers([layer(41 * megabyte)], [])).toEqual([
      "Warning: layer web takes 41.0 of the 50.0 MB that Lambda accepts zipped",
    ]);
  });

  it("refuse before anything is fetched what no pruning could save", () => {
    expect(() => {
      checkPrediction("web", [{ size: 60 * megabyte }, { size: 60 * megabyte }]);
    }).toThrow(/layer web takes 120\.0 MB zipped/);
    expect(() => {
      checkPrediction("web", [{ size: 51 * megabyte }, {}]);
    }).not.toThrow();
  });
});
