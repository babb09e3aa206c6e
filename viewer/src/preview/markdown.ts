/**
 * Markdown as elements. A parser returns tokens, and each kind of token becomes one kind of element with text nodes, so
 * that no markup of the file is ever parsed as HTML. HTML in Markdown is shown as text. Nothing is loaded.
 */
import { Lexer, type Token, type Tokens } from 'marked';
import { createElement } from '../page/page-elements.ts';

/** Longer texts are not offered formatted, because the parser takes time that grows faster than the length. */
export const maxMarkdownLength = 200_000;
/** Deeper nesting is shown as text. */
const maxDepth = 40;

/** Elements of a text; undefined if it cannot be parsed. */
export function formatMarkdown(text: string): DocumentFragment | undefined {
  const page = document.createDocumentFragment();
  try {
    page.append(...render(new Lexer({ gfm: true }).lex(text), 0));
    return page;
  } catch {
    return undefined;
  }
}

type Part = Node | string;

const render = (tokens: readonly Token[] | undefined, depth: number): Part[] =>
  (tokens ?? []).flatMap((token) => (depth > maxDepth ? [token.raw] : renderToken(token as Tokens.Generic, depth + 1)));

/** Tokens of the parser have fields by their type. @returns the elements of one token */
function renderToken(token: Tokens.Generic, depth: number): Part[] {
  const { type, text = '', raw } = token;
  const inner = (): Part[] => render(token.tokens, depth);
  const simple = simpleElements[type];
  if (simple !== undefined) return [createElement(simple, {}, ...inner())];
  switch (type) {
    case 'space':
    case 'def':
      return [];
    case 'hr':
      return [createElement('hr')];
    case 'br':
      return [createElement('br')];
    case 'heading':
      // The page itself has the heading of the first level.
      return [createElement(headings[Math.min(token.depth, headings.length) - 1] ?? 'h6', {}, ...inner())];
    case 'code':
      return [createElement('pre', {}, text)];
    case 'codespan':
      return [createElement('code', {}, text)];
    case 'list':
      return [renderList(token as Tokens.List, depth)];
    case 'checkbox':
      return [token.checked === true ? '☑ ' : '☐ '];
    case 'table':
      return [renderTable(token as Tokens.Table, depth)];
    case 'link':
      return [renderLink(String(token.href), inner())];
    case 'image':
      return [`[Picture: ${decodeEntities(text === '' ? String(token.href) : text)}]`];
    case 'escape':
      return [text];
    case 'text':
      return token.tokens === undefined ? [decodeEntities(text)] : inner();
    default:
      return [raw];
  }
}

const headings = ['h2', 'h3', 'h4', 'h5', 'h6'] as const;
const simpleElements: Readonly<Record<string, 'p' | 'blockquote' | 'strong' | 'em' | 'del'>> = {
  paragraph: 'p',
  blockquote: 'blockquote',
  strong: 'strong',
  em: 'em',
  del: 'del',
};

function renderList({ ordered, start, items }: Tokens.List, depth: number): HTMLElement {
  const entries = items.map((item) => createElement('li', {}, ...render(item.tokens, depth)));
  return ordered ? createElement('ol', { start: Number(start) || 1 }, ...entries) : createElement('ul', {}, ...entries);
}

function renderTable({ header, rows }: Tokens.Table, depth: number): HTMLElement {
  const row = (tag: 'th' | 'td', cells: readonly Tokens.TableCell[]) =>
    createElement('tr', {}, ...cells.map((cell) => createElement(tag, {}, ...render(cell.tokens, depth))));
  const body = createElement('tbody', {}, ...rows.map((cells) => row('td', cells)));
  const table = createElement('table', {}, createElement('thead', {}, row('th', header)), body);
  return createElement('div', { className: 'wide' }, table);
}

/** A link to the web or a mail address, which opens in a new tab without a referrer. Others are text. */
function renderLink(href: string, inner: Part[]): Node {
  const address = decodeEntities(href);
  if (!URL.canParse(address) || !/^(?:https?|mailto):$/.test(new URL(address).protocol))
    return createElement('span', {}, ...inner);
  const { href: title } = new URL(address);
  return createElement('a', { href: title, title, target: '_blank', rel: 'noopener noreferrer' }, ...inner);
}

const entities: Readonly<Record<string, string>> = {
  ...{ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', copy: '©', reg: '®', trade: '™' },
  ...{ hellip: '…', ndash: '–', mdash: '—', times: '×', euro: '€', middot: '·', bull: '•', rarr: '→', larr: '←' },
};

/** Decodes numeric and common named references; the parser leaves them in its texts. */
const decodeEntities = (text: string): string =>
  text.replace(/&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|(\w{2,8}));/g, (all, decimal, hex, name) => {
    if (name !== undefined) return (Object.hasOwn(entities, name) && entities[name]) || all;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code).toWellFormed() : '\ufffd';
  });
