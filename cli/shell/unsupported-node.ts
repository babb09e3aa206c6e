/** The message of a Node.js that is too old. This file must hold only what old versions can parse. */
import { requiredNode } from './version.ts';

export function reportUnsupportedNode(): void {
  process.stderr.write(
    `anima: This is Node.js ${process.versions.node}; anima needs ${requiredNode} or later. Nothing was done.\nInstall a newer Node.js, or put one first in PATH: anima uses the first \`node\` there.\n`,
  );
  process.exitCode = 1;
}
