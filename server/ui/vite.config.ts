import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

/** Writes each asset compressed, too: the server has nothing to compress then. */
function compressed(): Plugin {
  let out = "";
  return {
    name: "compressed",
    apply: "build",
    configResolved(config) {
      out = resolve(config.root, config.build.outDir);
    },
    async closeBundle() {
      const folder = join(out, "assets");
      for (const name of await readdir(folder)) {
        if (!/\.(js|css|svg)$/.test(name)) continue;
        const content = await readFile(join(folder, name));
        const best = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        await writeFile(join(folder, `${name}.br`), brotliCompressSync(content, best));
        await writeFile(join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  base: "/ui/",
  plugins: [compressed()],
  build: {
    outDir: "../flowc/server/ui",
    emptyOutDir: true,
    target: "es2023",
    // The policy of the pages takes no inlined assets but images.
    assetsInlineLimit: 0,
    // Small parts: one file of styles, and no list of what each page loads, in the first script.
    modulePreload: false,
    cssCodeSplit: false,
    reportCompressedSize: false,
    // The builder is large; tests hold its size after compression.
    chunkSizeWarningLimit: 1_000,
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
  server: {
    proxy: { "/api": process.env["FLOWC_URL"] ?? "http://127.0.0.1:8000" },
  },
});
