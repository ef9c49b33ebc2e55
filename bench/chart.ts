import type { LayerBuild } from "./layer-builds";
import { seconds } from "./report";

const series = [
  { id: "cold", label: "empty cache", colour: "#2b6cb0" },
  { id: "warm", label: "warm cache", colour: "#38a169" },
  { id: "onePinChanged", label: "one pin changed", colour: "#dd6b20" },
] as const;

/** In pixels. */
const [width, left, right, bar, gap, top] = [860, 260, 80, 14, 18, 44];

/** Bar chart of each builder's seconds: an SVG for light and dark pages. */
export function chart(builds: readonly LayerBuild[]): string {
  const longest = Math.max(...builds.flatMap((build) => series.map(({ id }) => build[id].median)));
  const group = series.length * bar + gap;
  const height = top + builds.length * group;
  const groups = builds.flatMap((build, row) => {
    const y = top + row * group;
    return [
      text(left - 10, y + (series.length * bar) / 2 + 4, build.name, "end"),
      ...series.flatMap(({ id, colour }, index) => {
        const at = y + index * bar;
        const length = ((width - left - right) * build[id].median) / longest;
        return [
          `<rect x="${left}" y="${at}" width="${Math.max(length, 1).toFixed(1)}" height="${bar - 2}" fill="${colour}"/>`,
          text(left + length + 6, at + bar - 4, seconds(build[id].median)),
        ];
      }),
    ];
  });
  const legend = series.flatMap(({ label, colour }, index) => {
    const x = left + index * 150;
    return [`<rect x="${x}" y="12" width="12" height="12" fill="${colour}"/>`, text(x + 18, 22, label)];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>Seconds to build a layer</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...[...legend, ...groups].map((element) => `  ${element}`),
    "</svg>",
    "",
  ].join("\n");
}

function text(x: number, y: number, content: string, anchor: "start" | "end" = "start"): string {
  const escaped = content.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  return `<text x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}" fill="#1a202c">${escaped}</text>`;
}
