import type { Command, Option } from 'commander';
import { usageError } from '../../shell/command-error.ts';
import type { Shell } from '../../shell/shell.ts';

const help = `
The script is static and makes no network calls. With ANIMA_COMPLETE_NAMES=1 in the environment, it also completes names of
values by querying the vault; the audit records each query.

Examples:
  $ anima completion bash > ~/.local/share/bash-completion/completions/anima
  $ anima completion zsh > "\${fpath[1]}/_anima"
  $ anima completion fish > ~/.config/fish/completions/anima.fish`;

/** Time-out of name completion, milliseconds. */
const nameLookupTimeoutMs = 2_000;
const maxNames = 200;

export function register(program: Command, shellOf: (command: Command) => Shell): void {
  program
    .command('completion')
    .description('print a completion script')
    .argument('<shell>', 'bash, zsh or fish')
    .addHelpText('after', help)
    .action((name: string, _options: object, command: Command) => {
      const script = scripts[name];
      if (script === undefined) throw usageError('Completion supports bash, zsh and fish; nothing was printed');
      const text = script(listCommandPaths(program));
      shellOf(command).print(text, { script: text });
    });
  program
    .command('__complete', { hidden: true })
    .argument('[prefix]')
    .action(async (prefix: string | undefined, _options: object, command: Command) => {
      await completeNames(shellOf(command), prefix);
    });
}

/** Prints names with this prefix, one per line. Prints nothing if name completion is off or fails. */
async function completeNames(shell: Shell, prefix: string | undefined): Promise<void> {
  if (shell.env.ANIMA_COMPLETE_NAMES !== '1') return;
  try {
    const client = await shell.client();
    const list = client.vault.list({ prefix, pageSize: maxNames, timeout: nameLookupTimeoutMs, maxRetries: 0 });
    // Only characters allowed in names, because the completing shell expands the text.
    const names = (await list.page()).values.map(({ name }) => name).filter((name) => /^[\w./@:-]+$/.test(name));
    if (names.length > 0) shell.print(names.join('\n'), names);
  } catch {
    // Completion cannot report errors.
  }
}

/** A command and its completions. */
interface CommandPath {
  /** ` keys create`; empty for the program. */
  readonly path: string;
  readonly words: readonly string[];
  /** Whether the next argument is the name of a value. */
  readonly names: boolean;
}

function listCommandPaths(program: Command): CommandPath[] {
  const walk = (command: Command, path: string, inherited: readonly string[]): CommandPath[] => {
    const own = command.options.filter(isShown).flatMap(({ long }) => (long ? [long] : []));
    const options = [...new Set([...own, '--help', ...inherited])];
    const below = command.commands.filter((child) => !child.name().startsWith('__'));
    const names = command.registeredArguments.some((argument) => argument.name() === 'name');
    return [
      { path, words: [...below.map((child) => child.name()), ...options], names },
      ...below.flatMap((child) => walk(child, `${path} ${child.name()}`, options)),
    ];
  };
  const [root, ...commands] = walk(program, '', ['--version']);
  return root === undefined ? [] : [{ ...root, words: ['help', ...root.words] }, ...commands];
}

const isShown = (option: Option): boolean => !option.hidden;

const quoted = (paths: readonly CommandPath[]): string => paths.map(({ path }) => `'${path}'`).join('|');

const bash = (branches: readonly CommandPath[]): string => `# bash completion of anima: anima completion bash
_anima() {
  local cur=\${COMP_WORDS[COMP_CWORD]} path='' words='' names='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
      ${quoted(branches.slice(1))}) path="$path \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path" in
${branches.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`).join('\n')}
  esac
  case "$path" in
    ${quoted(branches.filter(({ names }) => names))})
      if [[ $ANIMA_COMPLETE_NAMES == 1 && $cur != -* ]]; then names=$(anima __complete "$cur" 2>/dev/null); fi ;;
  esac
  COMPREPLY=($(compgen -W "$words $names" -- "$cur"))
}
complete -o default -F _anima anima
`;

const zsh = (branches: readonly CommandPath[]): string => `#compdef anima
# zsh completion of anima: anima completion zsh
_anima() {
  local path_='' i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    case "$path_ \${words[i]}" in
      ${quoted(branches.slice(1))}) path_="$path_ \${words[i]}" ;;
    esac
  done
  case "$path_" in
${branches.map(({ path, words }) => `    '${path}') found=(${words.join(' ')}) ;;`).join('\n')}
  esac
  case "$path_" in
    ${quoted(branches.filter(({ names }) => names))})
      if [[ $ANIMA_COMPLETE_NAMES == 1 && $PREFIX != -* ]]; then found+=(\${(f)"$(anima __complete "$PREFIX" 2>/dev/null)"}); fi ;;
  esac
  compadd -- $found || _files
}
if [[ $funcstack[1] == _anima ]]; then _anima "$@"; else compdef _anima anima; fi
`;

const fish = (branches: readonly CommandPath[]): string => `# fish completion of anima: anima completion fish
function __anima_words
    set -l path ''
    set -l tokens (commandline -opc)
    for word in $tokens[2..]
        switch "$path $word"
            case ${branches
              .slice(1)
              .map(({ path }) => `'${path}'`)
              .join(' ')}
                set path "$path $word"
        end
    end
    switch "$path"
${branches.map(({ path, words }) => `        case '${path}'\n            printf '%s\\n' ${words.join(' ')}`).join('\n')}
    end
    switch "$path"
        case ${branches
          .filter(({ names }) => names)
          .map(({ path }) => `'${path}'`)
          .join(' ')}
            if test "$ANIMA_COMPLETE_NAMES" = 1
                anima __complete (commandline -ct) 2>/dev/null
            end
    end
end
complete -c anima -f -a '(__anima_words)'
`;

const scripts: Readonly<Record<string, (branches: readonly CommandPath[]) => string>> = { bash, zsh, fish };
