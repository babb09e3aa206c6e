/** The directory in browsers and workers. */
import { globSync } from 'node:fs';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

test('a bundle for browsers needs no module of Node and no Buffer', async () => {
  const { outputFiles } = await build({
    stdin: {
      contents: globSync('core/directory/*.ts')
        .map((file, n) => `export * as m${n} from './${file}';`)
        .join('\n'),
      resolveDir: process.cwd(),
    },
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  });
  const code = outputFiles[0]?.text ?? '';
  expect(code).toContain('anima:directory:v1');
  expect(code).not.toMatch(/\bBuffer\.|from ['"]node:|require\(/);
});
