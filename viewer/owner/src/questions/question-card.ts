/** One question, in the order of docs/format-approvals.md, section 2: what happens first, what the agent says last. */
import type { Question, QuestionLine } from '../../../../sdk/src/session/index.ts';
import { createElement, paragraph } from '../ui/elements.ts';

/** Lines that can have many characters, in a frame that scrolls. */
const long: ReadonlySet<QuestionLine['kind']> = new Set(['query', 'headers', 'auth', 'body']);

const label = (text: string): HTMLElement => createElement('h2', {}, text);

/** Addresses and code are left to right, whatever they contain. */
function frame(title: string, text: string): HTMLElement {
  const made = createElement('pre', { dir: 'ltr', tabIndex: 0 }, text);
  made.setAttribute('role', 'group');
  made.setAttribute('aria-label', title);
  return made;
}

function partsOf({ kind, label: title, text }: QuestionLine, scope: Question['scope']): HTMLElement[] {
  if (kind === 'host') return [createElement('h1', { className: 'host', tabIndex: -1, dir: 'ltr' }, text)];
  if (kind === 'request') {
    const target = paragraph('target', text);
    target.dir = 'ltr';
    return [target];
  }
  if (kind === 'warning') return [paragraph('warning', `${title}: ${text}`)];
  if (kind === 'reason') return [label(title), createElement('blockquote', { dir: 'auto' }, text)];
  if (long.has(kind)) return [label(title), frame(title, text)];
  const isWide = kind === 'scope' && scope !== 'once';
  return [label(title), paragraph(isWide ? 'warning lines' : 'lines', text)];
}

/** The parts of a question. The host is the first heading, which gets the focus. */
export const questionParts = ({ lines, scope }: Question): HTMLElement[] =>
  lines.flatMap((line) => partsOf(line, scope));
