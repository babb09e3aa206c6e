/**
 * The lines of a text in UTF-8, without their ends. A line ends with a line feed only, perhaps after a carriage return: the
 * `readline` of Node.js also ends lines at U+2028 and U+2029, which can be within a JSON text or a message.
 */
export async function* textLines(pieces: AsyncIterable<Uint8Array | string>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + (typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true }))).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield line.replace(/\r$/, '');
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}
