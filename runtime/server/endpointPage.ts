/**
 * The page to try a function in a browser. It is the same for every address and holds nothing of any app: its script
 * asks for the OpenAPI document with the key that a person types, and that stays in the page.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';

export class EndpointPage {
  private made: { html: string; policy: string } | undefined;

  constructor(
    /** Where `endpoint.js` and `endpoint.css` are. */
    private readonly folder: string,
  ) {}

  send(response: ServerResponse): void {
    this.made ??= this.make();
    const { html, policy } = this.made;
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-length': Buffer.byteLength(html),
      'cache-control': 'no-store',
      'content-security-policy': policy,
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    response.end(html);
  }

  private make(): { html: string; policy: string } {
    const script = readFileSync(join(this.folder, 'endpoint.js'), 'utf8');
    const style = readFileSync(join(this.folder, 'endpoint.css'), 'utf8');
    const policy = [
      "default-src 'none'",
      `script-src '${hashOf(script)}'`,
      `style-src '${hashOf(style)}'`,
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ].join('; ');
    const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>Endpoint</title>
    <style>${style}</style>
  </head>
  <body>
    <main id="page"><noscript>This page needs JavaScript. Without it, call the address with POST.</noscript></main>
    <script>${script}</script>
  </body>
</html>
`;
    return { html, policy };
  }
}

/** What lets one inline script or style run, and no other. */
function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
