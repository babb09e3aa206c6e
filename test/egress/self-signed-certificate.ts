/** Creates a self-signed certificate (RFC 5280) in DER (X.690). */
import { generateKeyPairSync, sign } from 'node:crypto';

const tlv = (tag: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const size = body.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const sequence = (...parts: Uint8Array[]) => tlv(0x30, ...parts);
const hex = (digits: string) => Buffer.from(digits, 'hex');
const ecdsaWithSha256 = sequence(tlv(0x06, hex('2a8648ce3d040302')));
const commonName = (name: string) =>
  sequence(tlv(0x31, sequence(tlv(0x06, hex('550403')), tlv(0x0c, Buffer.from(name)))));
const time = (text: string) => tlv(0x17, Buffer.from(text));

/** PEM of the key and the certificate for DNS names and IPv4 addresses. */
export function selfSigned(names: readonly string[], addresses: readonly string[]): { key: string; cert: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const alternatives = sequence(
    ...names.map((name) => tlv(0x82, Buffer.from(name))),
    ...addresses.map((address) => tlv(0x87, Uint8Array.from(address.split('.').map(Number)))),
  );
  const extensions = sequence(
    sequence(tlv(0x06, hex('551d11')), tlv(0x04, alternatives)),
    sequence(tlv(0x06, hex('551d13')), tlv(0x04, sequence(tlv(0x01, hex('ff'))))),
  );
  const name = commonName('test');
  const content = sequence(
    tlv(0xa0, tlv(0x02, hex('02'))),
    tlv(0x02, hex('01')),
    ecdsaWithSha256,
    name,
    sequence(time('250101000000Z'), time('491231235959Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, extensions),
  );
  const signature = sign('sha256', content, privateKey);
  const der = sequence(content, ecdsaWithSha256, tlv(0x03, hex('00'), signature));
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}
