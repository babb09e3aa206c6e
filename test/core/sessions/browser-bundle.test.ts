/** The same code in browsers. */
import { globSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

test('a bundle for browsers needs no module of Node and no Buffer, and has at most 37,200 bytes compressed', async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: globSync('core/sessions/*.ts')
        .map((file, n) => `export * as m${n} from './${file}';`)
        .join('\n'),
      resolveDir: process.cwd(),
    },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  });
  const code = outputFiles[0]?.text ?? '';
  expect(code).toContain('anima:dr:v1:root');
  expect(code).not.toMatch(/\bBuffer\.|from ?['"]node:|require\(/);
  expect(gzipSync(code).length).toBeLessThanOrEqual(37_200);
});
