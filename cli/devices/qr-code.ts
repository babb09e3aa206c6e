/** QR codes of pairings: drawn in a terminal, and read as text. */
import { encode } from 'uqr';
import type { DisplayedQr } from '../../sdk/src/device/index.ts';
import { usageError } from '../shell/command-error.ts';
import { readAll } from '../shell/private-files.ts';
import type { Shell } from '../shell/shell.ts';
import { type StyledText, styled } from '../shell/terminal-text.ts';

/** Light modules around the code. Scanners find it with two, although the standard says four. */
const border = 2;

/** Two rows of modules per line. The light modules are drawn, in white on black where there are colours. */
function drawQr(text: string): StyledText[] {
  const { data } = encode(text, { ecc: 'L', border });
  const rows = data.length % 2 === 0 ? data : [...data, data[0] ?? []];
  const lines: StyledText[] = [];
  for (let row = 0; row < rows.length; row += 2) {
    const blocks = rows[row]?.map((isDark, column) => halfBlock(!isDark, rows[row + 1]?.[column] !== true)) ?? [];
    lines.push(styled('whiteOnBlack', blocks.join('')));
  }
  return lines;
}

function halfBlock(upper: boolean, lower: boolean): string {
  if (upper) return lower ? '█' : '▀';
  return lower ? '▄' : ' ';
}

/** Prints the code and its text. @param scan the command for the other device, which reads it */
export function showQr(shell: Shell, { text, pairing, expiresAt }: DisplayedQr, scan: string): void {
  const lines = drawQr(text).flatMap((line) => [line, '\n']);
  shell.print([...lines, '\n', text], { qr: text, pairing, expiresAt });
  shell.note(
    `\nScan this code with the other device, or copy the text to it: \`${scan}\`.\nOnly that device may see it: anyone who reads it can take part in the pairing. It is valid for ten minutes.`,
  );
}

/** Reads the text of a code: typed or pasted without being shown, or from a pipe. */
export async function readQr(shell: Shell): Promise<string> {
  const typed = shell.stdin.isTTY
    ? await shell.secretPrompt('Text of the QR code')
    : (await readAll(shell.stdin)).toString('utf8');
  return typed.trim().toUpperCase();
}

/** The value of `--qr`: `show` or `read`. @param usual for `--qr` alone */
export function parseQrWay(option: string | true, usual: 'show' | 'read'): 'show' | 'read' {
  if (option === true) return usual;
  if (option === 'show' || option === 'read') return option;
  throw usageError(
    '--qr can be followed by show or read; nothing was sent',
    'Put the id of the vault before --qr. The text of a QR code is a secret, and is no argument: --qr read asks for it.',
  );
}
