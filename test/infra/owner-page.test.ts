/** The owner's page in the template: its files, which paths serve them, and its headers. */
import { createHash } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import { inflateSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { appForTest, buckets, ofPage, only, type Synthesized, synthesize, tinyPage } from './synthesized-template.ts';

let template: Synthesized;
/** With another page, and a domain for sockets. */
let other: Synthesized;
beforeAll(() => {
  template = synthesize(appForTest());
  const socketCertificateArn = 'arn:aws:acm:eu-central-1:123456789012:certificate/12ab-34';
  const settings = { socketDomain: 'sockets.example.com', socketCertificateArn };
  other = synthesize(appForTest(settings, tinyPage('another')));
});

interface Published {
  readonly Key: string;
  readonly Type: string;
  readonly Content: string;
}
const filesOf = (from: Synthesized): readonly Published[] =>
  Object(ofPage(from, 'owner', 'Custom::VaultPage')[1].Properties.Files);
const textOf = ({ Content }: Published): string => inflateSync(Buffer.from(Content, 'base64')).toString();
const policyOf = (from: Synthesized): Record<string, Record<string, Record<string, unknown>>> =>
  Object(ofPage(from, 'owner', 'AWS::CloudFront::ResponseHeadersPolicy')[1].Properties.ResponseHeadersPolicyConfig);

test('its files are the page, the service worker, the manifest and the icon, with their types', () => {
  const [page, ...others] = filesOf(template);
  expect(textOf(page ?? expect.fail('no page'))).toMatch(/<script>.*"owner page".*<\/script>/s);
  expect(others.map((file) => [file.Key.split('/')[1], file.Type, textOf(file).trim()])).toEqual([
    ['service-worker.js', 'text/javascript; charset=utf-8', expect.stringContaining('worker of page')],
    ['manifest.webmanifest', 'application/manifest+json', '{}'],
    ['icon.png', 'image/png', 'icon'],
  ]);
});

test('files, function and policy of a version have its name, and another service worker makes another version', () => {
  const namesOf = (from: Synthesized) => {
    const [version, ...more] = new Set(filesOf(from).map(({ Key }) => Key.split('/')[0]));
    expect(more).toEqual([]);
    const [policyId] = ofPage(from, 'owner', 'AWS::CloudFront::ResponseHeadersPolicy');
    const [pathsId, paths] = ofPage(from, 'owner', 'AWS::CloudFront::Function');
    expect(JSON.stringify([policyOf(from).Name, paths.Properties.Name]).split(String(version))).toHaveLength(3);
    return [version, policyId, pathsId];
  };
  const [first, second] = [namesOf(template), namesOf(other)];
  for (const [at, name] of first.entries()) expect(second[at]).not.toBe(name);
});

test('is stored before the distribution refers to it', () => {
  const { DependsOn } = { DependsOn: [], ...only(template, 'AWS::CloudFront::Distribution')[1] };
  expect(DependsOn).toContain(ofPage(template, 'owner', 'Custom::VaultPage')[0]);
});

describe('its headers', () => {
  /** The policy, with words in place of references. */
  const policy = (): string => {
    const { ContentSecurityPolicy } = policyOf(template).SecurityHeadersConfig?.ContentSecurityPolicy ?? {};
    const [, parts]: [string, unknown[]] = Object(ContentSecurityPolicy)['Fn::Join'];
    return parts
      .map((part) => {
        if (typeof part === 'string') return part;
        const reference = JSON.stringify(part);
        if (reference.includes(buckets(template).object?.[0] ?? 'none')) return '<bucket>';
        return reference.includes('Sockets') ? '<sockets>' : '<region or suffix>';
      })
      .join('');
  };

  test('allow its script, style and files, its own origin, the bucket and the sockets, and one script address', () => {
    expect(policy().replaceAll(/sha256-[A-Za-z0-9+/=]{44}/g, 'sha256')).toMatch(
      /^default-src 'none'; script-src 'sha256'; style-src 'sha256'; img-src 'self'; manifest-src 'self'; worker-src 'self'; connect-src 'self' https:\/\/<bucket> wss:\/\/<sockets>[^ ;]*; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types anima-owner$/,
    );
  });

  test('name the script and the style that are in the page', () => {
    const html = textOf(filesOf(template)[0] ?? expect.fail('no page'));
    for (const tag of ['script', 'style']) {
      const inner = new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(html)?.[1] ?? expect.fail(`no ${tag}`);
      expect(policy()).toContain(`${tag}-src 'sha256-${createHash('sha256').update(inner).digest('base64')}';`);
    }
  });

  test('are those of the link page otherwise', () => {
    const link = Object(ofPage(template, 'link', 'AWS::CloudFront::ResponseHeadersPolicy')[1].Properties);
    const other = Object(link.ResponseHeadersPolicyConfig);
    const without = ({ ContentSecurityPolicy: _, ...rest }: Record<string, unknown> = {}) => rest;
    expect(policyOf(template).CustomHeadersConfig).toEqual(other.CustomHeadersConfig);
    expect(without(policyOf(template).SecurityHeadersConfig)).toEqual(without(other.SecurityHeadersConfig));
  });

  test('a domain of the settings for sockets is the one to which the page connects', () => {
    expect(JSON.stringify(policyOf(other))).toContain(' wss://sockets.example.com; ');
  });
});

describe('the function of paths', () => {
  const run = (uri: string) => {
    const { FunctionCode } = ofPage(template, 'owner', 'AWS::CloudFront::Function')[1].Properties;
    const event = { version: '1.0', context: { eventType: 'viewer-request' }, request: { method: 'GET', uri } };
    return runInNewContext(`${String(FunctionCode)}\nhandler(event)`, { event }, { timeout: 100 });
  };

  test.each([
    ['/owner/', 'index.html'],
    ['/owner/service-worker.js', 'service-worker.js'],
    ['/owner/manifest.webmanifest', 'manifest.webmanifest'],
    ['/owner/icon.png', 'icon.png'],
  ])('%s is %s of the version', (uri, name) => {
    const [version] = filesOf(template)[0]?.Key.split('/') ?? [];
    expect(run(uri)).toEqual({ method: 'GET', uri: `/${version}/${name}` });
  });

  test.each(['/owner/index.html', '/owner/x', '/owner//', '/owner/../b/x', '/owner/toString'])(
    '%s is not there',
    (uri) => {
      expect(run(uri)).toEqual({ statusCode: 404, statusDescription: 'Not Found' });
    },
  );
});
