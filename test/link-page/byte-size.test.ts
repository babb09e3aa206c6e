import { expect, test } from 'vitest';
import { formatByteSize } from '../../viewer/src/page/byte-size.ts';

test.for([
  [0, '0 bytes'],
  [1, '1 byte'],
  [999, '999 bytes'],
  [1000, '1.0 kB'],
  [999_949, '999.9 kB'],
  [999_950, '1.0 MB'],
  [3_200_000_000, '3.2 GB'],
] as const)('%d bytes are told as %s', ([bytes, text]) => {
  expect(formatByteSize(bytes)).toBe(text);
});
