import { expect, it } from "vitest";

import { once } from "../../layers/once";

it("is called once for each key, and again after a failure", async () => {
  const known = new Map<string, Promise<string>>();
  const made: string[] = [];
  const get = (key: string, failure?: string) =>
    once(known, key, () => {
      made.push(key);
      return failure === undefined ? Promise.resolve(key) : Promise.reject(new Error(failure));
    });
  expect(await Promise.all([get("a"), get("a"), get("b")])).toEqual(["a", "a", "b"]);
  await expect(get("c", "offline")).rejects.toThrow("offline");
  expect(await get("c")).toBe("c");
  expect(made).toEqual(["a", "b", "c", "c"]);
});

it("is called again once, by the first caller that waited for a failure", async () => {
  const known = new Map<string, Promise<number>>();
  let made = 0;
  const failing = () => once(known, "a", () => Promise.reject(new Error("offline")));
  const again = () => once(known, "a", () => Promise.resolve((made += 1)));
  expect(await Promise.all([failing().catch(again), failing().catch(again)])).toEqual([1, 1]);
});
