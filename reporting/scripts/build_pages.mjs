// Builds the small scripts and the style sheet of the public pages into ../static, or into the
// folder named on the command line: npm ci && node build_pages.mjs
//
// Only spaces, comments and local names go, so that a page costs little on a bad line. The same
// packages give the same bytes on every machine; a test rebuilds and compares.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const outdir = process.argv[2] ?? join(here, "..", "static");
const names = ["boot.js", "exit.js", "form.js", "return.js", "u.css"];

await Promise.all(
  names.map((name) => {
    const [stem, extension] = name.split(".");
    return build({
      absWorkingDir: here,
      entryPoints: [`${stem}.src.${extension}`],
      outfile: join(outdir, name),
      bundle: true,
      charset: "utf8",
      format: "iife",
      legalComments: "none",
      minify: true,
      ...(extension === "js" ? { target: "es2020" } : {}),
    });
  }),
);
