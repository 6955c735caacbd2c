// Copies the chart library, and draws the map of the world, into web/static/vendor; both are committed.
import { readFile, writeFile, mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { geoNaturalEarth1, geoPath } from "d3-geo";
import { feature } from "topojson-client";

const require = createRequire(import.meta.url);
const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "static", "vendor");
const WIDTH = 600;
const HEIGHT = 288;
const ANTARCTICA = "010";

await mkdir(out, { recursive: true });
await esbuild.build({
  stdin: { contents: 'export { default } from "uplot";', resolveDir: here },
  outfile: join(out, "uplot.js"),
  bundle: true,
  format: "esm",
  minify: true,
  banner: { js: "/*! uPlot, MIT License, Copyright (c) 2022 Leon Sorokin, https://github.com/leeoniya/uPlot */" },
});
await writeFile(join(out, "uplot.css"), await readFile(require.resolve("uplot/dist/uPlot.min.css")));
await writeFile(join(out, "world.json"), JSON.stringify(await world()));

/** An outline of every country by its ISO 3166-1 alpha-2 code, as a path of SVG in a box of WIDTH x HEIGHT. */
async function world() {
  const atlas = JSON.parse(await readFile(require.resolve("world-atlas/countries-110m.json"), "utf8"));
  const codes = new Map(require("world-countries").map((one) => [one.ccn3, one.cca2]));
  const shapes = feature(atlas, atlas.objects.countries).features.filter(({ id }) => id !== ANTARCTICA);
  const whole = { type: "FeatureCollection", features: shapes };
  const draw = geoPath(geoNaturalEarth1().fitSize([WIDTH, HEIGHT], whole)).digits(0);
  const paths = shapes.map((shape) => [codes.get(shape.id) ?? "", draw(shape)]);
  return {
    source: "Natural Earth, 1:110m, public domain",
    width: WIDTH,
    height: HEIGHT,
    countries: Object.fromEntries(paths.filter(([code]) => code)),
    // Without a code of their own: drawn, never coloured.
    others: paths.filter(([code]) => !code).map(([, path]) => path),
  };
}
