// RateLimit: how often requests may come.

import { z } from 'zod';
import { Refusal, refuse } from '../../base/problems.js';
import { flag, integer, map, option, scalar } from '../../config/schema/build.js';
import type { FilterKind } from '../kind.js';
import { DEFAULT_KEY, REQUEST_KEY_SAYS, requestKey } from '../parts/request-key.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

/** Requests in a period. */
export interface RateConfig {
  readonly count: number;
  readonly periodMs: number;
  /** As it was written. */
  readonly text: string;
}

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const RATE = /^(\d{1,9})\s*\/\s*(\d{0,4})([smhd])$/;
const RATE_EXPECTED = 'Expected requests and a period, such as 10/s, 600/m, 1000/h or 50/10s.';
/** One request in a day, a million in a second. */
const INTERVAL_MS_MAX = UNIT_MS.d;
const INTERVAL_MS_MIN = 0.001;

function readRate(value: unknown): RateConfig | Refusal {
  const parts = typeof value === 'string' ? RATE.exec(value) : null;
  if (parts === null) {
    const meant = typeof value === 'number' ? ` Did you mean ${value}/s?` : '';
    return refuse(value, 'a rate', RATE_EXPECTED + meant);
  }
  const [text, count, periods, unit] = parts;
  const periodMs = (periods === '' ? 1 : Number(periods)) * UNIT_MS[unit as keyof typeof UNIT_MS];
  const intervalMs = periodMs / Number(count);
  if (Number(count) > 0 && intervalMs <= INTERVAL_MS_MAX && intervalMs >= INTERVAL_MS_MIN)
    return { count: Number(count), periodMs, text: text.replaceAll(/\s/g, '') };
  return new Refusal(`'${text}' is no rate that can be kept.`, 'Expected one request a day to a million a second.');
}

const BURST_MAX = 1_000_000;

const options = map('a rate limit', {
  key: option(requestKey().prefault(DEFAULT_KEY), REQUEST_KEY_SAYS),
  rate: option(
    scalar<string, RateConfig>('rate', { type: 'string', pattern: RATE.source }, readRate),
    'Requests that may come in a period, evenly: `10/s`, `600/m`, `1000/h`, `50/10s`.',
  ),
  burst: option(
    integer('a number of requests', 1, BURST_MAX).prefault(1),
    'Requests that may come at once, after a pause; from then on the rate holds.',
  ),
  status: option(integer('a status', 400, 599).prefault(429), 'The status of the refusal.'),
  fields: option(
    flag().prefault(false),
    'Adds `RateLimit` and `RateLimit-Policy` to responses (draft-ietf-httpapi-ratelimit-headers-10), those of the innermost limit.',
  ),
  dryRun: option(flag().prefault(false), 'Counts in the report what would be refused, and lets it pass.'),
});

const schema = map('a filter', {
  type: option(z.literal('RateLimit'), 'Refuses requests that come too often, over all workers together.'),
  rateLimit: option(options, 'How often, and by what they are counted.'),
});

export type Config = z.output<typeof schema>;

export const rateLimit = {
  type: 'RateLimit',
  schema,
  besideLocalReply: true,
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
