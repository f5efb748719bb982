// Sends informational answers before the final one: 100 as soon as a head expects it, 103 always.

import { readRequest } from '../support/messages.js';
import { listenRaw, ok, type RawOrigin } from './raw.js';

/** Answers 100 to a head with `Expect`, then reads the body, then sends 103 and 200. `refuse`: 417 instead of 100. */
export function start(options: { readonly refuse?: boolean } = {}): Promise<RawOrigin> {
  return listenRaw((visit, origin) => {
    let greeted = false;
    visit.socket.on('data', (text: string) => {
      visit.bytes += text;
      visit.byteCount += text.length;
      if (!greeted && /\r\nexpect: 100-continue\r\n[\s\S]*\r\n\r\n/i.test(visit.bytes)) {
        greeted = true;
        if (options.refuse) {
          visit.socket.write('HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno');
          visit.bytes = '';
          visit.requestCount++;
        } else visit.socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      }
      const request = readRequest(visit.bytes);
      if (request !== undefined && !options.refuse) {
        greeted = false;
        visit.bytes = visit.bytes.slice(request.end);
        visit.requestCount++;
        origin.requests.push(request);
        visit.socket.write('HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n');
        visit.socket.write(ok(`got ${request.body.length}`));
      }
      origin.note();
    });
    visit.socket.on('end', () => visit.socket.end());
  });
}
