import path from "node:path";

import { expect, test } from "vitest";

import { type FunctionOverrides, planFunctions } from "../../components/function-plan";
import { readApplication } from "../../contract/application";

const shop = readApplication(path.join(__dirname, "..", ".."), "examples/shop");
const overrides = { environment: {}, secrets: {} };

const refusal = (settings: Record<string, FunctionOverrides>): string => {
  try {
    planFunctions(shop, settings, {});
  } catch (error) {
    return String(error);
  }
  return "";
};

test.each<[string, Record<string, FunctionOverrides>, RegExp]>([
  [
    "a secret without a value",
    {},
    /functions\.api\.secrets\.PAYMENT_KEY: the application needs it, and it has no value; run: pulumi config set --secret --path .*, or, on this machine, give --config functions\.api\.secrets\.PAYMENT_KEY=<value>/,
  ],
  [
    "a secret that the description does not list",
    { api: { ...overrides, secrets: { PAYMENT_KEY: "a", OTHER: "b" } } },
    /functions\.api\.secrets\.OTHER: .*lists no such secret; it lists PAYMENT_KEY/,
  ],
  [
    "a function that there is not",
    { apu: overrides },
    /functions\.apu: the application has no such function; did you mean api\? The application has api, nightly/,
  ],
  [
    "a schedule that a cloud cannot express",
    { nightly: { ...overrides, schedule: "rate(7 hours)" } },
    /schedule: found "rate\(7 hours\)"; .*expected 1, 2, 3/,
  ],
])("%s is named by its setting, with what is accepted", (_, settings, message) => {
  expect(refusal(settings)).toMatch(message);
});
