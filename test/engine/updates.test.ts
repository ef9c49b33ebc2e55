import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { problemsOf, UpdatedDeployment } from "../../bench/updates/deployment";
import { faulty, fine, mended } from "../../bench/updates/updates";
import { clouds } from "../../contract/clouds";

const isNightly = process.env.NIGHTLY !== undefined;

/** Requests per second to each address; they use most of the processors' time. */
const rate = isNightly ? 20 : 10;

/** Each kind of update once, and by day only the cheap ones of both: all of them take minutes. */
const byDay = ["code", "settings", "missing module", "wrong handler", "missing right"];

const updates = [...fine, ...faulty].filter(({ name }) => isNightly || byDay.includes(name));

describe.each(clouds)("while API and frontend receive requests, on %s", (cloud) => {
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

  test("an update after the failed ones succeeds, and so does its reversal", async () => {
    expect(problemsOf(await deployment.update(mended))).toEqual([]);
    expect(await deployment.changes(mended)).toBe("");
    expect(problemsOf(await deployment.rollBack())).toEqual([]);
  });
});
