// nginx as the server behind the proxy: files, ranges, conditional requests, errors, a big file.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { request } from 'undici';
import { nginxMissing, startNginxOrigin } from '../support/nginx.js';
import { type RunningProxy, startProxy } from '../support/proxy.js';

describe('nginx behind the proxy', { concurrency: 1, skip: nginxMissing }, () => {
  const file = randomBytes(5_000_000);
  let origin: Awaited<ReturnType<typeof startNginxOrigin>>;
  let proxy: RunningProxy;

  before(async () => {
    origin = await startNginxOrigin({ 'big.bin': file, 'empty.txt': new Uint8Array(0) });
    proxy = await startProxy({ servers: [origin.address] });
  });
  after(async () => {
    await proxy.stop();
    await origin.close();
  });

  test('a file arrives as it is', async () => {
    const response = await request(`${proxy.url}/big.bin`);
    const bytes = Buffer.from(await response.body.arrayBuffer());
    const hash = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
    assert.equal(hash(bytes), hash(file));
  });

  test('an empty file, a missing file and a range keep their statuses', async () => {
    const empty = await request(`${proxy.url}/empty.txt`);
    assert.equal(empty.statusCode, 200);
    assert.equal(await empty.body.text(), '');
    const missing = await request(`${proxy.url}/missing`);
    assert.equal(missing.statusCode, 404);
    await missing.body.dump();
    const range = await request(`${proxy.url}/big.bin`, { headers: { range: 'bytes=100-199' } });
    assert.equal(range.statusCode, 206);
    assert.deepEqual(Buffer.from(await range.body.arrayBuffer()), file.subarray(100, 200));
  });

  test('a conditional request is answered 304 without a body', async () => {
    const first = await request(`${proxy.url}/big.bin`, { method: 'HEAD' });
    await first.body.dump();
    const second = await request(`${proxy.url}/big.bin`, { headers: { 'if-none-match': String(first.headers.etag) } });
    assert.equal(second.statusCode, 304);
    assert.equal(await second.body.text(), '');
  });

  test('an upload that nginx refuses is refused to the client', async () => {
    const response = await request(`${proxy.url}/big.bin`, { method: 'POST', body: file });
    assert.equal(response.statusCode, 405);
    await response.body.dump();
  });
});
