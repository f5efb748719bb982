// Requests of every framing, cut everywhere. The cases are in requests.md.

import { replayCorpus } from './replay.js';

replayCorpus('requests.md');
