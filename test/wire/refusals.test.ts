// Requests that must be refused, cut everywhere. The cases are in refusals.md.

import { replayCorpus } from './replay.js';

replayCorpus('refusals.md');
