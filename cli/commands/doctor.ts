import type { Command } from 'commander';
import { type Finding, runDoctorChecks } from '../doctor/doctor-checks.ts';
import { CommandError, exitCodes } from '../shell/command-error.ts';
import type { Shell } from '../shell/shell.ts';

const help = `
Each line is ok, warn or fail, with how to mend it. It asks the vault a few questions that read nothing of value; the audit
notes them. Ends with 1 when something fails.

Examples:
  $ anima doctor
  $ anima doctor --profile prod --json`;

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('doctor')
    .description('look at address, key, clock, rights and permissions, and say how to mend them')
    .addHelpText('after', help)
    .action(async (_options: object, command: Command) => await doctor(shellOf(command)));
}

async function doctor(shell: Shell): Promise<void> {
  const found: Finding[] = [];
  for await (const finding of runDoctorChecks(shell)) {
    found.push(finding);
    if (!shell.json) shell.print(line(shell, finding), undefined);
  }
  if (shell.json) shell.print('', found);
  const failed = found.filter(({ state }) => state === 'fail').length;
  if (failed === 0) return;
  throw new CommandError(`${failed} of ${found.length} checks failed`, {
    exit: exitCodes.failed,
    next: shell.json ? 'Each says how to mend it.' : 'The lines above say how to mend them.',
  });
}

function line(shell: Shell, { check, state, detail, mend }: Finding): string {
  const first = `${shell.paint(colours[state], state.padEnd(4))}  ${check.padEnd(12)}  ${detail}`;
  return mend === undefined ? first : `${first}\n                    → ${mend}`;
}
