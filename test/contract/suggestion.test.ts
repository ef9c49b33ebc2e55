import { expect, test } from "vitest";

import { didYouMean } from "../../contract/suggestion";

const verbs = ["up", "preview", "outputs", "stop", "destroy"];

test.each([
  ["destory", verbs, "; did you mean destroy?"],
  ["preveiw", verbs, "; did you mean preview?"],
  ["output", verbs, "; did you mean outputs?"],
  ["regoin", ["region", "reservedConcurrency"], "; did you mean region?"],
  ["memorysize", ["memorySize"], "; did you mean memorySize?"],
  ["deploy", verbs, ""],
  ["x", [], ""],
])("%s of %s", (word, accepted, suggestion) => {
  expect(didYouMean(word, accepted)).toBe(suggestion);
});
