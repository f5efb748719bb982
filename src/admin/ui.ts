// The dashboard: three files, served as they are. They hold nothing that has to be kept secret; what they ask for does.
// Owns which paths they have, and what a browser may do with them.

import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/ui/app.js': ['app.js', 'text/javascript; charset=utf-8'],
  '/ui/style.css': ['style.css', 'text/css; charset=utf-8'],
};

/** Nothing from elsewhere is loaded, and no other page may show it in a frame. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'";

/** Answers a request for one of the files; false for any other. */
export function serveDashboard(path: string, request: IncomingMessage, response: ServerResponse): boolean {
  const found = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
  if (found === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return false;
  const [file, type] = found;
  const body = readFileSync(new URL(`./dashboard/${file}`, import.meta.url));
  response.writeHead(200, {
    'Content-Type': type,
    'Content-Length': body.length,
    'Content-Security-Policy': POLICY,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'no-cache',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
  return true;
}
