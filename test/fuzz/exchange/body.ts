// Bodies that give themselves away: every byte tells whose it is, and a reader out of step takes them for messages.

/** The body of request `id`: requests that no client ever sends. */
export const requestBody = (id: string): Text =>
  new Text(`GET /trap/body-of-${id} HTTP/1.1\r\nHost: a.example\r\n\r\n`);

/** The body of the response to request `id`: responses that no server ever sends. */
export const responseBody = (id: string): Text =>
  new Text(`HTTP/1.1 299 Trap\r\nX-Id: body-of-${id}\r\nContent-Length: 0\r\n\r\n`);

/** One text over and over, of any length. */
export class Text {
  constructor(private readonly line: string) {}

  /** Bytes `from` to `to`, one character each. */
  slice(from: number, to: number): string {
    const phase = from % this.line.length;
    const bytes = to - from;
    return this.line.repeat(Math.ceil((phase + bytes) / this.line.length)).slice(phase, phase + bytes);
  }
}
