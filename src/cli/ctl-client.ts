// The admin API as commands use it: one request, its answer or what is wrong in words, and the stream of events.
// Owns where the API is and the token. Leaves what answers mean to ctl.ts and top.ts.

import { readFileSync } from 'node:fs';
import { type IncomingMessage, type RequestOptions, request } from 'node:http';
import { userInfo } from 'node:os';
import { splitHostPort } from '../base/endpoint.js';
import { formatProblem, type Problem } from '../base/problems.js';

/** Where the API is unless the command line or the environment says otherwise: its default in the configuration. */
export const DEFAULT_ADDRESS = 'unix:/run/sevenfold.sock';

const TIMEOUT_MS = 30_000;

/** The API cannot be reached, or refuses: the message is for people. `code` is the exit code. */
export class AdminError extends Error {
  override readonly name = 'AdminError';
  readonly code: 1 | 2;

  constructor(message: string, code: 1 | 2) {
    super(message);
    this.code = code;
  }
}

export interface AdminOptions {
  readonly address: string;
  /** The name of a file with the token. */
  readonly tokenFile?: string;
}

export interface AdminRequest {
  readonly method?: string;
  readonly body?: object | string;
  readonly headers?: Readonly<Record<string, string>>;
}

export class AdminClient {
  readonly #address: string;
  readonly #where: RequestOptions;
  readonly #headers: Readonly<Record<string, string>>;

  /** Throws an AdminError for an address or a file that is none. */
  constructor({ address, tokenFile }: AdminOptions) {
    this.#address = address;
    this.#where = whereIs(address);
    const token = tokenFile === undefined ? process.env.SEVENFOLD_ADMIN_TOKEN : readToken(tokenFile);
    const name = userName();
    this.#headers = {
      ...(token === undefined || token === '' ? {} : { Authorization: `Bearer ${token}` }),
      ...(name === undefined ? {} : { 'Sevenfold-Operator': name }),
    };
  }

  /** The JSON of an answer. Rejects with an AdminError. */
  async json<T>(path: string, asked: AdminRequest = {}): Promise<T> {
    const text = await this.text(path, asked);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** The text of an answer. Rejects with an AdminError. */
  async text(path: string, asked: AdminRequest = {}): Promise<string> {
    const response = await this.#ask(path, asked);
    const pieces: Buffer[] = [];
    for await (const piece of response as AsyncIterable<Buffer>) pieces.push(piece);
    const text = Buffer.concat(pieces).toString();
    if (response.statusCode! >= 400) throw refusal(text, response.statusCode!);
    return text;
  }

  /** Each event of the process behind number `since`, as it happens. Ends when the process does. */
  async *events(since: number): AsyncGenerator<{ id: number; time: string } & Record<string, unknown>> {
    const headers = { Accept: 'text/event-stream', 'Last-Event-ID': String(since) };
    const response = await this.#ask('/events', { headers }, 0);
    if (response.statusCode !== 200) throw new AdminError(`the events cannot be followed (${response.statusCode})`, 1);
    let rest = '';
    response.setEncoding('utf8');
    for await (const piece of response as AsyncIterable<string>) {
      const blocks = (rest + piece).split('\n\n');
      rest = blocks.pop()!;
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) yield JSON.parse(data);
      }
    }
  }

  #ask(
    path: string,
    { method = 'GET', body, headers = {} }: AdminRequest,
    timeout = TIMEOUT_MS,
  ): Promise<IncomingMessage> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const type: Record<string, string> =
      text === undefined ? {} : { 'Content-Type': typeof body === 'string' ? 'message/http' : 'application/json' };
    return new Promise((resolve, reject) => {
      const sent = request(
        { ...this.#where, path, method, timeout, headers: { ...this.#headers, ...type, ...headers } },
        resolve,
      );
      sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
      sent.on('error', (error) => reject(this.#unreachable(error)));
      sent.end(text);
    });
  }

  #unreachable({ code, message }: NodeJS.ErrnoException): AdminError {
    const advice = ADVICE[code ?? ''] ?? message;
    return new AdminError(`The admin API at ${this.#address} cannot be reached: ${advice}`, 2);
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: "there is no such socket. Does Sevenfold run, with 'admin: {}' in its configuration? --address says where.",
  ECONNREFUSED: 'nothing listens there. Does Sevenfold run, with this address as admin.address?',
  EACCES: 'permission denied. The socket is for the user that runs Sevenfold; admin.socket lets others in.',
};

function whereIs(address: string): RequestOptions {
  if (address.startsWith('unix:/')) return { socketPath: address.slice('unix:'.length) };
  if (address.startsWith('/')) return { socketPath: address };
  const parts = splitHostPort(address);
  if (parts === undefined || !/^\d+$/.test(parts.port)) {
    throw new AdminError(
      `--address '${address}' is no address. Expected unix:/PATH, or HOST:PORT as in 127.0.0.1:9901.`,
      2,
    );
  }
  return { host: parts.host === '' ? '127.0.0.1' : parts.host, port: Number(parts.port) };
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new AdminError(`--token-file ${file} cannot be read: ${(error as Error).message}`, 2);
  }
}

/** Who is at the keyboard, for the audit line. */
function userName(): string | undefined {
  try {
    const { username } = userInfo();
    return /^[\w.@-]{1,64}$/.test(username) ? username : undefined;
  } catch {
    return undefined;
  }
}

/** Problem details in words. */
function refusal(text: string, status: number): AdminError {
  try {
    const { detail, place, found, expected, problems } = JSON.parse(text) as Record<string, string> & {
      problems?: Problem[];
    };
    const lines = [
      `${place === undefined ? '' : `${place}: `}${detail}${found === undefined ? '' : ` Found: ${found}.`}`,
      ...(expected === undefined ? [] : [`  Expected: ${expected}`]),
      ...(problems ?? []).map(formatProblem),
    ];
    return new AdminError(lines.join('\n'), 1);
  } catch {
    return new AdminError(`the admin API answered ${status}`, 1);
  }
}
