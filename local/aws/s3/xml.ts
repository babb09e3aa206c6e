/** The XML of the S3 REST protocol. Documents are small, so they are built in memory. Parsing is strict. */
import { escapeXmlText } from '../endpoint/wire-protocols.ts';
import { S3Error } from './s3-errors.ts';

/** The content of an element. An array repeats the element; undefined omits it. */
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

/** A response with an XML document. */
export const xmlReply = (name: string, content: XmlContent, headers: Readonly<Record<string, string>> = {}) => ({
  status: 200,
  headers: { 'content-type': 'application/xml', ...headers },
  body: xmlDocument(name, content),
});

/** Unlike other documents, errors have no namespace. */
export const xmlError = (content: XmlContent): string => `${declaration}<Error>${xmlContent(content)}</Error>`;

/**
 * As the content of an element, a list is the sequence of its members. As a member, it repeats the member's element.
 */
const isList = (content: XmlContent): content is readonly XmlContent[] => Array.isArray(content);

function xmlContent(content: XmlContent): string {
  if (content === undefined) return '';
  // XML parsers convert an unescaped carriage return to a line feed.
  if (isList(content)) return content.map(xmlContent).join('');
  if (typeof content !== 'object') return escapeXmlText(String(content)).replaceAll('\r', '&#13;');
  return Object.entries(content)
    .flatMap(([name, value]) =>
      (isList(value) ? value : [value]).map((one) =>
        one === undefined ? '' : `<${name}>${xmlContent(one)}</${name}>`,
      ),
    )
    .join('');
}

export interface XmlElement {
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** The text of the element, without the text of its children. */
  readonly text: string;
}

interface Open {
  name: string;
  children: XmlElement[];
  text: string;
}

// Document types and CDATA are not supported: S3 clients do not send them, and custom entities enable attacks.
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

/** Adds a token to the tree. @param open the enclosing elements, starting with the root */
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

/** The text of the child with this name; undefined if there is none. */
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
