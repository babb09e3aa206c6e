/** The printable page of a recovery code: HTML without scripts and without external content. */

export interface RecoveryPage {
  readonly code: string;
  readonly vault: string;
  readonly head: { readonly seq: number; readonly hash: string };
  readonly createdAt: Date;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for HTML, in elements and in quoted attributes. */
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? '');

const style = `
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem; max-width: 46rem; color: #111; background: #fff;
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; }
h2 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
ol { list-style: none; margin: 1.5rem 0; padding: 1rem; border: 2px solid #111; border-radius: .5rem;
  display: grid; grid-template-columns: repeat(4, 1fr); gap: .75rem 1rem;
  font: 600 1.75rem/1.3 ui-monospace, monospace; text-align: center; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: 0; }
dt { font-weight: 600; }
dd { margin: 0; font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
p { margin: 0 0 .5rem; }
@media (max-width: 30rem) { ol { grid-template-columns: repeat(2, 1fr); } }
@media print { body { padding: 0; max-width: none; } ol, dl { break-inside: avoid; } @page { margin: 2cm; } }
`;

/** The head in groups, as people compare it. */
const inGroups = (text: string): string => (text.match(/.{1,8}/g) ?? []).join(' ');

/** The page of the code of a device vault. */
export const renderRecoveryPage = ({ code, vault, head, createdAt }: RecoveryPage): string =>
  renderCodePage({
    code,
    opens: 'Anyone who has this code can open the whole vault.',
    facts: [
      ['Vault', vault],
      ['Made on', createdAt.toISOString().slice(0, 10)],
      ['Head', `${head.seq}: ${inGroups(head.hash)}`],
    ],
    recover:
      'Use this code on a new device when no other device is left. All other devices lose their access and must be paired again. You then get a new code; this one is no longer valid.',
    notes: [
      ['Head', 'The head names the state of the vault when the code was made. Recovery refuses a log without it.'],
    ],
  });

export interface CodePage {
  readonly code: string;
  /** What the code gives. */
  readonly opens: string;
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** When and how it is used. */
  readonly recover: string;
  readonly notes: readonly (readonly [title: string, text: string])[];
}

/** Renders a page with a code. The policy in it forbids scripts and requests, whatever opens it. */
export function renderCodePage({ code, opens, facts, recover, notes }: CodePage): string {
  const groups = code.split('-').map((group) => `<li>${escapeHtml(group)}</li>`);
  const more = notes.map(([title, text]) => `<h2>${escapeHtml(title)}</h2>\n<p>${escapeHtml(text)}</p>\n`);
  const rows = facts.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<title>Recovery code</title>
<style>${style}</style>
</head>
<body>
<h1>Recovery code</h1>
<p>${escapeHtml(opens)} Print this page, keep it in a safe place, then delete the file.</p>
<ol aria-label="Recovery code, in groups of four characters">${groups.join('')}</ol>
<dl>${rows.join('')}</dl>
<h2>To recover</h2>
<p>${escapeHtml(recover)}</p>
<h2>Typing</h2>
<p>Upper and lower case, hyphens and spaces do not matter. There is no letter I, L, O or U: read 1 for I and L, and 0 for
O.</p>
${more.join('')}</body>
</html>
`;
}
