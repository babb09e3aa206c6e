/** Text as text, with a choice of the encoding if it is a guess, and Markdown formatted on request. */
import { createButton, createElement } from '../page/page-elements.ts';
import { formatMarkdown, maxMarkdownLength } from './markdown.ts';
import type { FilePreview } from './preview.ts';
import { encodings, maxTextBytes, readTextFile, type TextFile } from './text-decoding.ts';

/** Media types of text beside `text/…`, by their ends (RFC 6839) or names. */
const textTypes = /^text\/|[/+](?:json|xml|yaml|toml|sql|csv|javascript|typescript|x-sh|x-python|x-ndjson|rtx)$/;
/** Extensions of text files, and names that have none. */
const textNames =
  /(?:^|\.)(?:txt|text|md|markdown|mdx|rst|adoc|org|tex|bib|json|jsonl|ndjson|json5|geojson|csv|tsv|xml|xsd|xsl|svg|html?|xhtml|css|scss|less|m?[jt]sx?|cjs|vue|py|rb|php|pl|lua|r|go|rs|java|kt|swift|c|h|cc|cpp|hpp|cs|m|scala|clj|ex|hs|sql|sh|bash|zsh|fish|ps1|bat|cmd|ya?ml|toml|ini|cfg|conf|config|properties|env|log|out|err|diff|patch|srt|vtt|sub|ass|ics|vcf|eml|po|lock|gitignore|editorconfig|nfo|readme|license|makefile|dockerfile)$/i;
const markdownNames = /\.(?:md|markdown|mdown|mkd)$/i;

/** A preview of the text; undefined if the file is no text. */
export async function createTextPreview(
  file: Blob,
  declaredType: string,
  name: string,
): Promise<FilePreview | undefined> {
  const [type = '', ...parameters] = declaredType.toLowerCase().split(';');
  const essence = type.trim();
  const text = await readTextFile(file, {
    isDeclared: textTypes.test(essence) || textNames.test(name),
    charset: /charset="?([\w-]+)/.exec(parameters.join(';'))?.[1],
    language: navigator.language,
  });
  if (text === undefined) return undefined;
  const isMarkdown = essence === 'text/markdown' || markdownNames.test(name);
  return { element: createTextView(text, isMarkdown), description: isMarkdown ? 'Markdown text' : 'Text' };
}

function createTextView(text: TextFile, isMarkdown: boolean): HTMLElement {
  let { encoding } = text;
  let content = text.decode(encoding);
  let isFormatted = false;
  const body = createElement('div');
  const tools = createElement('div', { className: 'tools' });
  const draw = () => {
    const formatted = isFormatted ? formatMarkdown(content) : undefined;
    const box =
      formatted === undefined
        ? createElement('pre', { tabIndex: 0, dir: 'auto' }, content)
        : createElement('article', { tabIndex: 0, dir: 'auto' }, formatted);
    box.setAttribute('role', 'region');
    box.setAttribute('aria-label', 'Text of the file');
    body.replaceChildren(box);
  };
  if (isMarkdown && content.length <= maxMarkdownLength)
    tools.append(
      createFormatSwitch((on) => {
        isFormatted = on;
        draw();
      }),
    );
  if (!text.certain)
    tools.append(
      createEncodingChoice(encoding, (chosen) => {
        encoding = chosen;
        content = text.decode(encoding);
        draw();
      }),
    );
  draw();
  const note = `Only the first ${maxTextBytes / 2 ** 20} MiB of the text is shown. The saved file has all of it.`;
  return createElement(
    'div',
    { className: 'shown' },
    ...(tools.childElementCount > 0 ? [tools] : []),
    body,
    ...(text.truncated ? [createElement('p', { className: 'note' }, note)] : []),
  );
}

function createFormatSwitch(onChange: (on: boolean) => void): HTMLElement {
  const toggle = createButton('Show formatted');
  let on = false;
  toggle.addEventListener('click', () => {
    on = !on;
    toggle.textContent = on ? 'Show as text' : 'Show formatted';
    onChange(on);
  });
  return toggle;
}

function createEncodingChoice(guess: string, onChange: (encoding: string) => void): HTMLElement {
  const options = Object.entries(encodings).map(([value, label]) =>
    createElement('option', { value, selected: value === guess }, label),
  );
  const select = createElement('select', {}, ...options);
  select.addEventListener('change', () => onChange(select.value));
  return createElement('label', {}, 'Text encoding ', select);
}
