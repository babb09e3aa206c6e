/** Object tags. Source: S3 user guide, "Categorizing your objects using tags". */
import { S3Error } from './s3-errors.ts';
import type { Tags } from './stored-records.ts';
import { childrenNamed, childText, malformed, type XmlElement } from './xml.ts';

const maxTags = 10;
const allowed = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/**
 * Parses the tags of the header `x-amz-tagging`, which is a query string.
 * @throws S3Error InvalidArgument, InvalidTag, BadRequest
 */
export function readTagHeader(header: string | undefined): Tags {
  if (header === undefined) return {};
  const pairs = [...new URLSearchParams(header)];
  if (new Set(pairs.map(([key]) => key)).size !== pairs.length) {
    throw new S3Error(
      'InvalidArgument',
      "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
    );
  }
  return checkTags(pairs);
}

/** Parses the tags of a `Tagging` document. @throws S3Error MalformedXML, InvalidTag, BadRequest */
export function readTagXml(document: XmlElement): Tags {
  const sets = childrenNamed(document, 'TagSet');
  const [set] = sets;
  if (document.name !== 'Tagging' || set === undefined || sets.length !== 1) throw malformed();
  const pairs = childrenNamed(set, 'Tag').map((tag): [string, string] => {
    const [key, value] = [childText(tag, 'Key'), childText(tag, 'Value')];
    if (key === undefined || value === undefined) throw malformed();
    return [key, value];
  });
  if (new Set(pairs.map(([key]) => key)).size !== pairs.length) {
    throw new S3Error('InvalidTag', 'Cannot provide multiple Tags with the same key');
  }
  return checkTags(pairs);
}

export const tagXml = (tags: Tags) => ({
  TagSet: { Tag: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
});

function checkTags(pairs: readonly [string, string][]): Tags {
  if (pairs.length > maxTags) throw new S3Error('BadRequest', 'Object tags cannot be greater than 10');
  for (const [key, value] of pairs) {
    if (key === '' || key.length > 128 || !allowed.test(key) || key.startsWith('aws:')) {
      throw new S3Error('InvalidTag', 'The TagKey you have provided is invalid', { TagKey: key });
    }
    if (value.length > 256 || !allowed.test(value)) {
      throw new S3Error('InvalidTag', 'The TagValue you have provided is invalid', { TagValue: value });
    }
  }
  return Object.fromEntries(pairs);
}
