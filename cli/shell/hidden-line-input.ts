const escapeByte = 0x1b;
const pasteStart = Buffer.from('\u001b[200~');
const pasteEnd = Buffer.from('\u001b[201~');

type KeyPress = 'text' | 'return' | 'cancel' | 'erase' | 'clear' | 'paste' | 'other';

/**
 * Interprets terminal input for a line that is not shown: Return, Backspace, Ctrl-U, Ctrl-C, Ctrl-D, and pastes (xterm
 * control sequences, "Bracketed Paste Mode"), in which a line end is text.
 */
export class HiddenLineInput {
  #bytes: number[] = [];
  /** The start of an incomplete sequence. */
  #pending = Buffer.alloc(0);
  #pasting = false;

  bytes(): Buffer {
    return Buffer.from(this.#bytes);
  }

  /** Processes input. `more` means that the line ended but more input followed it. */
  feed(chunk: Buffer): 'open' | 'whole' | 'more' | 'cancelled' {
    const input = Buffer.concat([this.#pending, chunk]);
    this.#pending = Buffer.alloc(0);
    for (let at = 0; at < input.length; ) {
      const { key, length } = this.#keyAt(input, at);
      if (length === 0) {
        this.#pending = Buffer.from(input.subarray(at));
        return 'open';
      }
      if (key === 'return') return at + length === input.length ? 'whole' : 'more';
      if (key === 'cancel') return 'cancelled';
      this.#applyKey(key, input[at] ?? 0);
      at += length;
    }
    return 'open';
  }

  #applyKey(key: KeyPress, byte: number): void {
    if (key === 'paste') this.#pasting = !this.#pasting;
    else if (key === 'clear') this.#bytes = [];
    else if (key === 'erase') this.#erase();
    // Terminals send line ends in a paste as Return.
    else if (key === 'text') this.#bytes.push(byte === 0x0d ? 0x0a : byte);
  }

  /** Erases one character: the UTF-8 continuation bytes, then the lead byte. */
  #erase(): void {
    while (((this.#bytes.at(-1) ?? 0) & 0xc0) === 0x80) this.#bytes.pop();
    this.#bytes.pop();
  }

  /** The key at a position and its length; length 0 if more input is needed to decide. */
  #keyAt(input: Buffer, at: number): { key: KeyPress; length: number } {
    const byte = input[at] ?? 0;
    if (byte === escapeByte) return this.#escapeSequenceAt(input.subarray(at));
    return { key: this.#pasting ? 'text' : classifyByte(byte, this.#bytes.length === 0), length: 1 };
  }

  #escapeSequenceAt(rest: Buffer): { key: KeyPress; length: number } {
    const mark = this.#pasting ? pasteEnd : pasteStart;
    if (rest.subarray(0, mark.length).equals(mark)) return { key: 'paste', length: mark.length };
    if (mark.subarray(0, rest.length).equals(rest)) return { key: 'other', length: 0 };
    return this.#pasting ? { key: 'text', length: 1 } : { key: 'other', length: escapeSequenceLength(rest) };
  }
}

function classifyByte(byte: number, empty: boolean): KeyPress {
  if (byte === 0x0d || byte === 0x0a) return 'return';
  if (byte === 0x03 || (byte === 0x04 && empty)) return 'cancel';
  if (byte === 0x15) return 'clear';
  if (byte === 0x7f || byte === 0x08) return 'erase';
  return byte >= 0x20 || byte === 0x09 ? 'text' : 'other';
}

/**
 * Arrow keys and similar keys, which are ignored: CSI, parameters, one final byte (ECMA-48 section 5.4), or SS3 and
 * one byte.
 */
function escapeSequenceLength(rest: Buffer): number {
  const [sequence] = /^(?:\[[0-?]*[ -/]*[@-~]|O[@-~])/.exec(rest.subarray(1).toString('latin1')) ?? [];
  return 1 + (sequence?.length ?? 0);
}
