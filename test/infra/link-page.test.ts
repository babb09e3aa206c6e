import { createHash } from 'node:crypto';
import { runInNewContext } from 'node:vm';
import { inflateSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  callerHeaders,
  customResources,
  functionEnv,
  originSecretHeader,
  viewerAddressHeader,
} from '../../contract/shared/environment-variables.ts';
import {
  aliasOf,
  apiOf,
  appForTest,
  buckets,
  functionOf,
  ofPage,
  ofType,
  only,
  type Resource,
  type Synthesized,
  synthesize,
  target,
  tinyPage,
} from './synthesized-template.ts';

const certificate = 'arn:aws:acm:us-east-1:123456789012:certificate/12ab-34';
let template: Synthesized;
let config: Record<string, unknown>;
beforeAll(() => {
  template = synthesize(appForTest());
  config = configOf(template);
});

const configOf = (from: Synthesized): Record<string, unknown> =>
  Object(only(from, 'AWS::CloudFront::Distribution')[1].Properties.DistributionConfig);
const published = (from: Synthesized): Resource => ofPage(from, 'link', 'Custom::VaultPage')[1];
const fileOf = (from: Synthesized): { Key: string; Type: string; Content: string } =>
  Object(published(from).Properties.Files)[0];
const htmlOf = (from: Synthesized): string => inflateSync(Buffer.from(fileOf(from).Content, 'base64')).toString();
const headersOf = (from: Synthesized): Record<string, Record<string, Record<string, unknown>>> =>
  Object(ofPage(from, 'link', 'AWS::CloudFront::ResponseHeadersPolicy')[1].Properties.ResponseHeadersPolicyConfig);
/** The content security policy, with `<bucket>` in place of the reference to the bucket's domain. */
const cspOf = (from: Synthesized): string => {
  const { ContentSecurityPolicy } = headersOf(from).SecurityHeadersConfig?.ContentSecurityPolicy ?? {};
  const parts: unknown[] = Object(ContentSecurityPolicy)['Fn::Join'][1];
  return parts
    .map((part) => {
      if (typeof part === 'string') return part;
      expect(part).toEqual({ 'Fn::GetAtt': [buckets(from).object?.[0], 'RegionalDomainName'] });
      return '<bucket>';
    })
    .join('');
};

describe('the page', () => {
  test('is one file: its script and its style within it, and nothing referred to', () => {
    const html = htmlOf(template);
    expect(html).toMatch(/<style>body\s*\{color:red\}<\/style>/);
    expect(html).toMatch(/<script>.*"page".*document\.body\.textContent=.*<\/script>/s);
    expect(html).not.toMatch(/src=|href=|import/);
  });

  test('its policy names the very script and style that are in it, by their hashes as a browser takes them', () => {
    const html = htmlOf(template);
    const csp = cspOf(template);
    for (const tag of ['script', 'style']) {
      const inner = new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(html)?.[1] ?? expect.fail(`no ${tag}`);
      expect(csp).toContain(`${tag}-src 'sha256-${createHash('sha256').update(inner).digest('base64')}';`);
    }
  });

  test('file, paths and policy of a version carry its name, and another version takes new ones of all three', () => {
    const other = synthesize(appForTest({}, tinyPage('another')));
    const versionOf = (from: Synthesized) => {
      const key = fileOf(from).Key;
      const version = createHash('sha256').update(htmlOf(from)).digest('hex').slice(0, 16);
      expect(key).toBe(`${version}/index.html`);
      const [policyId, policy] = ofPage(from, 'link', 'AWS::CloudFront::ResponseHeadersPolicy');
      const [pathsId, paths] = ofPage(from, 'link', 'AWS::CloudFront::Function');
      const { Name } = Object(policy.Properties.ResponseHeadersPolicyConfig);
      expect(JSON.stringify(Name)).toContain(version);
      expect(JSON.stringify(paths.Properties.Name)).toContain(version);
      expect(paths.Properties.FunctionCode).toContain(key);
      return [version, policyId, pathsId];
    };
    const [first, second] = [versionOf(template), versionOf(other)];
    for (const [n, name] of first.entries()) expect(second[n]).not.toBe(name);
  });

  test('is stored before the distribution asks for it, by a function that may store pages and nothing else', () => {
    const { DependsOn } = { DependsOn: [], ...only(template, 'AWS::CloudFront::Distribution')[1] };
    expect(DependsOn).toContain(ofPage(template, 'link', 'Custom::VaultPage')[0]);
    expect(target(published(template).Properties.ServiceToken)).toBe(aliasOf(template, 'publisher')[0]);
  });
});

describe('the distribution', () => {
  test('takes HTTPS alone, by HTTP/2 and 3', () => {
    expect(config).toMatchObject({ Enabled: true, HttpVersion: 'http2and3' });
    expect(config.DefaultCacheBehavior).toMatchObject({ ViewerProtocolPolicy: 'https-only' });
    for (const behavior of Object(config.CacheBehaviors)) expect(behavior.ViewerProtocolPolicy).toBe('https-only');
  });

  test('writes no log: paths of links would stand in it', () => {
    expect(config).not.toHaveProperty('Logging');
  });

  test('reads the bucket of the page by its own signature, and is the only one that may', () => {
    const [pageBucket = ''] = buckets(template).page ?? [];
    const [origin] = Object(config.Origins);
    expect(target(origin.DomainName)).toBe(pageBucket);
    const [accessId, access] = only(template, 'AWS::CloudFront::OriginAccessControl');
    expect(target(origin.OriginAccessControlId)).toBe(accessId);
    expect(access.Properties.OriginAccessControlConfig).toMatchObject({
      OriginAccessControlOriginType: 's3',
      SigningBehavior: 'always',
      SigningProtocol: 'sigv4',
    });
    const allowed = ofType(template, 'AWS::S3::BucketPolicy')
      .flatMap(([, { Properties }]): object[] => Object(Properties.PolicyDocument).Statement)
      .filter((statement) => Object(statement).Effect === 'Allow');
    expect(allowed).toHaveLength(1);
    expect(allowed[0]).toMatchObject({ Action: 's3:GetObject', Principal: { Service: 'cloudfront.amazonaws.com' } });
    const condition = JSON.stringify(Object(allowed[0]).Condition);
    expect(condition).toMatch(/^\{"StringEquals":\{"AWS:SourceArn":.*:distribution\/"/);
    expect(condition).toContain(`{"Ref":"${only(template, 'AWS::CloudFront::Distribution')[0]}"}`);
  });

  test('shows the page by GET and HEAD, through its function and under its headers', () => {
    expect(config.DefaultCacheBehavior).toMatchObject({
      AllowedMethods: ['GET', 'HEAD'],
      Compress: true,
      FunctionAssociations: [{ EventType: 'viewer-request' }],
      ResponseHeadersPolicyId: { Ref: ofPage(template, 'link', 'AWS::CloudFront::ResponseHeadersPolicy')[0] },
    });
    const [association] = Object(config.DefaultCacheBehavior).FunctionAssociations;
    expect(target(association.FunctionARN)).toBe(ofPage(template, 'link', 'AWS::CloudFront::Function')[0]);
  });

  test('passes routes of links and of devices, and no other path, on to the API, uncached and without its own Host', () => {
    const behaviors: Record<string, unknown>[] = Object(config.CacheBehaviors);
    const paths = behaviors.map(({ PathPattern }) => PathPattern);
    expect(paths).toEqual(['/owner/*', '/v1/links/*', '/v1/secret-links/*', '/v1/session/*']);
    const [, behaviour, secretLinks, devices] = behaviors.map((one) => Object(one));
    expect(secretLinks).toEqual({ ...behaviour, PathPattern: '/v1/secret-links/*' });
    expect(devices).toEqual({
      ...behaviour,
      PathPattern: '/v1/session/*',
      // The AWS managed policy AllViewerExceptHostHeader: signatures are in headers of the viewer.
      OriginRequestPolicyId: 'b689b0a8-53d0-40ab-baf2-68738e2966ac',
    });
    expect(behaviour).toMatchObject({
      // The AWS managed policy CachingDisabled.
      CachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
      OriginRequestPolicyId: { Ref: only(template, 'AWS::CloudFront::OriginRequestPolicy')[0] },
    });
    expect(behaviour.AllowedMethods).toContain('POST');
    const origin = Object(config.Origins).find(({ Id }: { Id: string }) => Id === behaviour.TargetOriginId);
    expect(target(origin.DomainName)).toBe(apiOf(template, 'HTTP')[0]);
    expect(origin.CustomOriginConfig).toEqual({ OriginProtocolPolicy: 'https-only', OriginSSLProtocols: ['TLSv1.2'] });
  });

  test('passes on queries, cookies, what the API reads, and the address of the viewer, but never Host', () => {
    const { OriginRequestPolicyConfig } = only(template, 'AWS::CloudFront::OriginRequestPolicy')[1].Properties;
    const { HeadersConfig, CookiesConfig, QueryStringsConfig } = Object(OriginRequestPolicyConfig);
    expect([CookiesConfig, QueryStringsConfig]).toEqual([{ CookieBehavior: 'all' }, { QueryStringBehavior: 'all' }]);
    expect(HeadersConfig.HeaderBehavior).toBe('whitelist');
    const headers: string[] = HeadersConfig.Headers.map((name: string) => name.toLowerCase());
    const needed = ['content-type', ...Object.values(callerHeaders), 'origin', 'access-control-request-method'];
    expect(headers).toEqual(expect.arrayContaining([...needed, viewerAddressHeader]));
    for (const name of ['host', originSecretHeader]) expect(headers).not.toContain(name);
    // The quota of CloudFront.
    expect(headers.length).toBeLessThanOrEqual(10);
  });

  test('proves to the API that it sent a request; the functions of links have only the hash, and no other has either', () => {
    const [secretId, secret] = only(template, customResources.originSecret);
    expect(target(secret.Properties.ServiceToken)).toBe(aliasOf(template, 'publisher')[0]);
    const [page, api] = Object(config.Origins);
    expect(page).not.toHaveProperty('OriginCustomHeaders');
    expect(api.OriginCustomHeaders).toEqual([
      { HeaderName: originSecretHeader, HeaderValue: { 'Fn::GetAtt': [secretId, 'Secret'] } },
    ]);
    const hash = { 'Fn::GetAtt': [secretId, 'SecretSha256'] };
    expect(functionOf(template, 'links')[1].Properties).toMatchObject({
      Environment: { Variables: { [functionEnv.originSecretHash]: hash } },
    });
    const uses = Object.entries(template.resources).flatMap(([id, resource]) =>
      [...JSON.stringify(resource).matchAll(/"Fn::GetAtt":\["([^"]+)","(Secret[^"]*)"\]/g)].map((use) => [id, use[2]]),
    );
    const [distributionId] = only(template, 'AWS::CloudFront::Distribution');
    expect(uses.sort()).toEqual(
      [
        [distributionId, 'Secret'],
        [functionOf(template, 'links')[0], 'SecretSha256'],
        [functionOf(template, 'secret-requests')[0], 'SecretSha256'],
      ].sort(),
    );
  });

  test('has a name of its own where one was chosen, TLS 1.3 at least, and then that is the address of links', () => {
    const named = synthesize(appForTest({ pageDomain: 'open.example.com', pageCertificateArn: certificate }));
    expect(configOf(named)).toMatchObject({
      Aliases: ['open.example.com'],
      ViewerCertificate: { AcmCertificateArn: certificate, MinimumProtocolVersion: 'TLSv1.3_2025' },
    });
    expect(named.outputs.PageUrl).toMatchObject({ Value: 'https://open.example.com' });
    expect(functionOf(named, 'blobs')[1].Properties).toMatchObject({
      Environment: { Variables: { [functionEnv.pageUrl]: 'https://open.example.com' } },
    });
  });

  test('else its address is what CloudFront calls it, told to whoever makes links and as an output', () => {
    const domain = { 'Fn::GetAtt': [only(template, 'AWS::CloudFront::Distribution')[0], 'DomainName'] };
    const address = { 'Fn::Join': ['', ['https://', domain]] };
    expect(template.outputs.PageUrl).toMatchObject({ Value: address });
    expect(functionOf(template, 'blobs')[1].Properties).toMatchObject({
      Environment: { Variables: { [functionEnv.pageUrl]: address } },
    });
  });

  test('two deployments of one account share no name, which CloudFront would refuse', () => {
    const names = (from: Synthesized) =>
      ['Function', 'ResponseHeadersPolicy', 'OriginAccessControl', 'OriginRequestPolicy'].map((type) => {
        const name = /"Name":(\{[^}]*\}[^}]*\})/.exec(
          JSON.stringify(ofPage(from, 'link', `AWS::CloudFront::${type}`)[1]),
        )?.[1];
        expect(name).toContain('{"Ref":"AWS::Region"}');
        return name;
      });
    const [first, second] = [names(template), names(synthesize(appForTest({ stage: 'prod' })))];
    for (const [n, name] of first.entries()) expect(second[n]).not.toBe(name);
  });
});

describe('headers of the page', () => {
  test('its policy allows the one script, the one style, what it decrypted, its own origin and the bucket', () => {
    expect(cspOf(template).replaceAll(/sha256-[A-Za-z0-9+/=]{44}/g, 'sha256')).toBe(
      "default-src 'none'; script-src 'sha256'; style-src 'sha256'; img-src blob:; media-src blob:; " +
        "connect-src 'self' https://<bucket>; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
        "require-trusted-types-for 'script'; trusted-types 'none'",
    );
  });

  test('no address in a referrer, no type guessed, no frame around it, TLS for two years', () => {
    const { ContentSecurityPolicy, ...others } = headersOf(template).SecurityHeadersConfig ?? {};
    expect(ContentSecurityPolicy).toMatchObject({ Override: true });
    expect(others).toEqual({
      ContentTypeOptions: { Override: true },
      FrameOptions: { FrameOption: 'DENY', Override: true },
      ReferrerPolicy: { ReferrerPolicy: 'no-referrer', Override: true },
      StrictTransportSecurity: { AccessControlMaxAgeSec: 63_072_000, Override: true },
    });
  });

  test('alone among origins, in no cache unasked, in no index, and with no feature but a video over the whole screen', () => {
    const items: { Header: string; Value: string; Override: boolean }[] = Object(
      headersOf(template).CustomHeadersConfig,
    ).Items;
    expect(items.map(({ Override }) => Override)).toEqual(items.map(() => true));
    const { 'Permissions-Policy': features, ...others } = Object.fromEntries(
      items.map(({ Header, Value }) => [Header, Value]),
    );
    expect(others).toEqual({
      'Cache-Control': 'no-cache',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Cross-Origin-Resource-Policy': 'same-origin',
      'X-Robots-Tag': 'noindex',
    });
    const allowed = features?.split(', ').filter((feature) => !feature.endsWith('=()'));
    expect(allowed).toEqual(['fullscreen=(self)']);
    for (const off of ['camera', 'microphone', 'geolocation', 'clipboard-read', 'payment', 'usb', 'display-capture']) {
      expect(features).toContain(`${off}=()`);
    }
    // CloudFront rejects longer values.
    expect(features?.length).toBeLessThan(1783);
  });
});

describe('the function of paths', () => {
  const run = (uri: string) => {
    const { FunctionCode, FunctionConfig } = ofPage(template, 'link', 'AWS::CloudFront::Function')[1].Properties;
    expect(FunctionConfig).toMatchObject({ Runtime: 'cloudfront-js-2.0' });
    const event = { version: '1.0', context: { eventType: 'viewer-request' }, request: { method: 'GET', uri } };
    return runInNewContext(`${String(FunctionCode)}\nhandler(event)`, { event }, { timeout: 100 });
  };

  test.each(['/', `/b/${'a'.repeat(58)}`, '/b/', '/b/cut-off', '/b/%2e%2e/x'])('%s shows the page', (uri) => {
    expect(run(uri)).toEqual({ method: 'GET', uri: `/${fileOf(template).Key}` });
  });

  test('the path of the owner’s page gets its slash', () => {
    const headers = { location: { value: '/owner/' } };
    expect(run('/owner')).toEqual({ statusCode: 301, statusDescription: 'Moved Permanently', headers });
  });

  test.each(['/favicon.ico', '/index.html', '/b', '/B/x', '//b/x', '/x/b/y', '/robots.txt'])(
    '%s is not there',
    (uri) => {
      expect(run(uri)).toEqual({ statusCode: 404, statusDescription: 'Not Found' });
    },
  );
});
