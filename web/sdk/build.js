// node build.js [directory]: wua.js and what it loads, small, into web/static or the directory named.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { minify } from 'terser';

const here = fileURLToPath(new URL('.', import.meta.url));
const directory = process.argv[2] || join(here, '../static');
const files = ['wua.js', 'wua-vitals.js', 'wua-links.js'];

await mkdir(directory, { recursive: true });
for (const file of files) {
  const bundle = await build({
    entryPoints: [join(here, file)],
    bundle: true,
    format: 'iife',
    target: 'es2021',
    write: false,
    legalComments: 'none',
  });
  // web-vitals marks its own properties with _. Even what goes wrong at the very start is kept from the page.
  const guarded = `try{${bundle.outputFiles[0].text}}catch{}`;
  const { code } = await minify(guarded, {
    ecma: 2020,
    toplevel: true,
    compress: { passes: 4, unsafe_arrows: true, unsafe_methods: true, pure_getters: true, },
    mangle: { toplevel: true, properties: { regex: /^_/ } },
    format: { ascii_only: true, semicolons: true },
  });
  await writeFile(join(directory, file), `${code}\n`);
}
