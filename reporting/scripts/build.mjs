// Builds ../static/seal.js, or the file named on the command line: npm ci && node build.mjs
//
// The same packages give the same bytes on every machine; tests rebuild and compare.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));

// The packages fall back to Node's own crypto where a browser's is missing. A page must never
// import anything, and the policy would refuse it: the fallback throws instead.
const withoutNodeFallback = {
  name: "without-node-fallback",
  setup(esbuild) {
    esbuild.onLoad({ filter: /(@hpke|mlkem)[\\/].*\.js$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replaceAll('await import("crypto")', "{}"),
      loader: "js",
    }));
  },
};

// All bundled packages are under the same MIT licence, which wants to travel with them.
const licence = await readFile(new URL("node_modules/mlkem/LICENSE", import.meta.url), "utf8");
const permission = licence.slice(licence.indexOf("Permission is hereby granted"));
const notice = `/* upstanderSeal: AGPL-3.0-or-later. Contains @hpke/core, @hpke/common,
@hpke/dhkem-x25519, @hpke/hybridkem-x-wing, mlkem: Copyright (c) 2023, 2024 Ajitomi Daisuke; parts
of noble-hashes and noble-curves: Copyright (c) 2022 Paul Miller. MIT License:

${permission.trim()} */`;

await build({
  absWorkingDir: here,
  banner: { js: notice },
  entryPoints: ["seal.src.js"],
  outfile: process.argv[2] ?? "../static/seal.js",
  bundle: true,
  charset: "ascii",
  format: "iife",
  legalComments: "none",
  minify: true,
  platform: "browser",
  plugins: [withoutNodeFallback],
  target: "es2020",
});
