// Responses of every framing, and those that are none, cut everywhere. The cases are in responses.md.

import { replayCorpus } from './replay.js';

replayCorpus('responses.md');
