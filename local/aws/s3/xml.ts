/** The XML of the S3 REST protocol: small documents, written whole and read strictly. */
import { escapeXmlText } from '../endpoint/wire-protocols.ts';
import { S3Error } from './s3-errors.ts';

/** An element's content: an array repeats the element, undefined leaves it out. */
export type XmlContent =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlContent[]
  | { readonly [name: string]: XmlContent };

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
const namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';

export const xmlDocument = (name: string, content: XmlContent): string =>
  `${declaration}<${name} xmlns="${namespace}">${xmlContent(content)}</${name}>`;

/** Errors alone have no namespace. */
export const xmlError = (content: XmlContent): string => `${declaration}<Error>${xmlContent(content)}</Error>`;

function xmlContent(content: XmlContent): string {
  if (content === undefined) return '';
  // A bare carriage return would be read back as a line feed.
  if (typeof content !== 'object') return escapeXmlText(String(content)).replaceAll('\r', '&#13;');
  return Object.entries(content)
    .flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one: XmlContent) =>
        one === undefined ? '' : `<${name}>${xmlContent(one)}</${name}>`,
      ),
    )
    .join('');
}

export interface XmlElement {
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** Its own text, without that of its children. */
  readonly text: string;
}

interface Open {
  name: string;
  children: XmlElement[];
  text: string;
}

// No document types, no CDATA: nothing that S3's clients send has them, and entities of one's own are an attack.
const token =
  /<\?[^?]*\?>|<\/(?<end>[\w:.-]+)\s*>|<(?<start>[\w:.-]+)(?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*(?<empty>\/?)>|(?<text>[^<]+)/y;

/** @throws S3Error MalformedXML */
export function parseXml(source: string): XmlElement {
  const root: Open = { name: '', children: [], text: '' };
  const open = [root];
  let position = 0;
  while (position < source.length) {
    token.lastIndex = position;
    const match = token.exec(source);
    if (match === null) throw malformed();
    position += match[0].length;
    take(match.groups ?? {}, open);
  }
  const [document] = root.children;
  if (open.length !== 1 || root.children.length !== 1 || document === undefined || root.text.trim() !== '') {
    throw malformed();
  }
  return document;
}

/** Puts a token into the tree; `open` are the elements that it stands in, the root first. */
function take({ start, end, empty, text }: Record<string, string | undefined>, open: Open[]): void {
  const current = open.at(-1);
  if (current === undefined) throw malformed();
  if (text !== undefined) current.text += decodeText(text);
  if (start !== undefined) {
    const element = { name: start, children: [], text: '' };
    current.children.push(element);
    if (empty === '') open.push(element);
  }
  if (end !== undefined && (open.length === 1 || open.pop()?.name !== end)) throw malformed();
}

/** Text of the child of that name; undefined when there is none. */
export const childText = (element: XmlElement, name: string): string | undefined =>
  element.children.find((child) => child.name === name)?.text;

export const childrenNamed = (element: XmlElement, name: string): readonly XmlElement[] =>
  element.children.filter((child) => child.name === name);

export const malformed = (): S3Error =>
  new S3Error(
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
  );

const entities: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decodeText(text: string): string {
  return text.replaceAll(/&([^;&]*);?/g, (_, name: string) => {
    const code = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(name);
    const point =
      code === null ? undefined : Number.parseInt(code[1] ?? code[2] ?? '', code[1] === undefined ? 10 : 16);
    const decoded = point === undefined ? entities[name] : point <= 0x10ffff ? String.fromCodePoint(point) : undefined;
    if (decoded === undefined) throw malformed();
    return decoded;
  });
}
