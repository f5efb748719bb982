// The corpus once more, through TLS: what is decrypted must be cut, parked and pipelined just as well.

import { standIn } from '../support/proxy.js';
import { replayCorpus } from './replay.js';

if (!standIn) {
  replayCorpus('requests.md', true);
  replayCorpus('responses.md', true);
}
