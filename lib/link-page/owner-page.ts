import type { CustomResource } from 'aws-cdk-lib';
import {
  type BehaviorOptions,
  Function as EdgeFunction,
  FunctionCode,
  FunctionRuntime,
  type IOrigin,
} from 'aws-cdk-lib/aws-cloudfront';
import { Construct } from 'constructs';
import type { VaultFunction } from '../shared/vault-function.ts';
import { pageBehavior } from './page-behavior.ts';
import { bundleOwnerFiles, bundlePage, htmlFile } from './page-bundle.ts';
import { publishFiles, versionOf } from './page-publication.ts';
import { ownerPageHeaders } from './response-headers.ts';

interface OwnerPageProps {
  /** Name of the deployment. */
  readonly name: string;
  /** Beginning of the CloudFront names of the pages. */
  readonly label: string;
  /** Folder of the page's sources: `index.html`, `style.css`, `src/main.ts`, and the files of `bundleOwnerFiles`. */
  readonly folder: string;
  /** The bucket of the pages. */
  readonly origin: IOrigin;
  readonly publisher: VaultFunction;
  /** Origins that the page may connect to beside its own: object URLs, and the WebSocket API. */
  readonly objectsOrigin: string;
  readonly socketsOrigin: string;
}

/** Where the page is, without the wildcard. */
const path = '/owner/';

/**
 * Serves the page for its path, and its files by their names. Other paths are 404. A query is ignored.
 * cloudfront-js-2.0.
 */
const viewerRequestCode = (version: string, names: readonly string[]): string => `function handler(event) {
  var request = event.request;
  var name = request.uri === '${path}' ? 'index.html' : request.uri.slice(${path.length});
  if (request.uri === '${path}' || ${JSON.stringify(names)}.indexOf(name) >= 0) {
    request.uri = '/${version}/' + name;
    return request;
  }
  return { statusCode: 404, statusDescription: 'Not Found' };
}
`;

/**
 * The owner's page (docs/owner-page.md): a page with a service worker, a manifest and an icon, on the distribution of
 * the link page. Like there, each version has a function and a policy of its own.
 */
export class OwnerPage extends Construct {
  /** Path patterns of the distribution, and how it serves them. */
  readonly behaviors: Readonly<Record<string, BehaviorOptions>>;
  /** The distribution must not refer to files that are not there yet. */
  readonly published: CustomResource;

  constructor(scope: Construct, id: string, props: OwnerPageProps) {
    super(scope, id);
    const page = bundlePage(props.folder);
    const others = bundleOwnerFiles(props.folder);
    const files = [htmlFile(page), ...others];
    const version = versionOf(files);
    const name = `${props.label}-${version}`;
    const headers = ownerPageHeaders(this, `Headers-${version}`, {
      name,
      scriptHash: page.scriptHash,
      styleHash: page.styleHash,
      objectsOrigin: props.objectsOrigin,
      socketsOrigin: props.socketsOrigin,
    });
    const paths = new EdgeFunction(this, `Paths-${version}`, {
      functionName: name,
      comment: `${props.name}: the files of the owner's page`,
      code: FunctionCode.fromInline(
        viewerRequestCode(
          version,
          others.map((file) => file.name),
        ),
      ),
      runtime: FunctionRuntime.JS_2_0,
    });
    this.published = publishFiles(this, 'Published', props.publisher, version, files);
    this.behaviors = { [`${path}*`]: pageBehavior({ origin: props.origin, paths, headers }) };
  }
}
