// Reads the text of a scrape, and has promtool look at it.

import { spawnSync } from 'node:child_process';
import { request } from 'node:http';
import { ENVIRONMENT } from './programs.js';

/** What a server of ours answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly text: string;
}

/** Where to ask: the path of a unix socket, or a host and port. */
export type Where = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** One request to the admin API or for metrics. */
export function askHttp(
  where: Where,
  path: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...where, path, method, headers, agent: false, timeout: 10_000 }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const all = Buffer.concat(pieces);
        resolve({ status: response.statusCode!, headers: response.headers, body: all, text: all.toString() });
      });
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer to ${method} ${path}`)));
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The samples of a scrape by their names and labels, as they are written. */
export function samples(text: string): Map<string, number> {
  return new Map(
    text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const space = line.lastIndexOf(' ');
        return [line.slice(0, space), Number(line.slice(space + 1))] as const;
      }),
  );
}

/** Runs promtool; null when it is not installed. */
export function promtool(args: readonly string[], input = ''): { status: number; said: string } | null {
  const program = process.env.PROMTOOL ?? 'promtool';
  const { error, status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8', env: ENVIRONMENT });
  if (error !== undefined) return null;
  return { status: status ?? -1, said: `${stdout}${stderr}` };
}
