// `node build.mjs` writes the bundle into the Python package, as it is committed; `--out DIR` writes it elsewhere;
// `--tests` runs the unit tests.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const common = { absWorkingDir: here, bundle: true, format: "esm", target: "es2022", charset: "utf8", logLevel: "warning" };

if (process.argv.includes("--tests")) {
  const folder = mkdtempSync(join(tmpdir(), "faceml-front-"));
  try {
    const tests = readdirSync(join(here, "test")).filter((name) => name.endsWith(".test.ts"));
    await build({ ...common, entryPoints: tests.map((name) => `test/${name}`), outdir: folder, outExtension: { ".js": ".mjs" },
      platform: "node" });
    const files = readdirSync(folder).filter((name) => name.endsWith(".mjs")).map((name) => join(folder, name));
    process.exitCode = spawnSync(process.execPath, ["--test", ...files], { stdio: "inherit" }).status ?? 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
} else {
  const at = process.argv.indexOf("--out");
  const outdir = at > 0 ? process.argv[at + 1] : join(here, "../src/faceml/widgets");
  const banner = "made by `make front` from front/src; edit it there";
  await build({ ...common, entryPoints: { grid: "src/main.tsx" }, outdir, banner: { js: `// ${banner}`, css: `/* ${banner} */` } });
}
