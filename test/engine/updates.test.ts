import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { problemsOf, UpdatedDeployment } from "../../bench/updates/deployment";
import { faulty, fine, mended } from "../../bench/updates/updates";
import { clouds } from "../../contract/clouds";

const isNightly = process.env.NIGHTLY !== undefined;

/** Requests a second of each address: they take most of the processors' time. */
const rate = isNightly ? 20 : 10;

/** Each kind of update once, and of both the cheap ones by day: all of them take minutes. */
const byDay = ["code", "settings", "missing module", "wrong handler", "missing right"];

const updates = [...fine, ...faulty].filter(({ name }) => isNightly || byDay.includes(name));

describe.each(clouds)("while API and frontend are asked, on %s", (cloud) => {
  const deployment = new UpdatedDeployment(cloud, rate);
  beforeAll(() => deployment.start());
  afterAll(() => deployment.end());

  test.each(updates.filter((update) => update.clouds?.includes(cloud) ?? true))(
    "$name: no request fails",
    async (update) => {
      expect(problemsOf(await deployment.update(update))).toEqual([]);
      if (update.cause === undefined) expect(await deployment.changes(update)).toBe("");
    },
  );

  test("an update after those that were refused goes through, and back in a moment", async () => {
    expect(problemsOf(await deployment.update(mended))).toEqual([]);
    expect(await deployment.changes(mended)).toBe("");
    expect(problemsOf(await deployment.rollBack())).toEqual([]);
  });
});
