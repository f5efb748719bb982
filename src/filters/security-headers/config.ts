// SecurityHeaders: what tells browsers to be careful.

import { z } from 'zod';
import { choice, flag, map, option, text } from '../../config/schema/build.js';
import type { FilterKind } from '../kind.js';
import { describe } from './describe.js';
import { type Plan, plan } from './plan.js';

const OFF = 'off';
const REFERRER_POLICIES = [
  'no-referrer',
  'no-referrer-when-downgrade',
  'origin',
  'origin-when-cross-origin',
  'same-origin',
  'strict-origin',
  'strict-origin-when-cross-origin',
  'unsafe-url',
  OFF,
] as const;

/** Printable ASCII: what may stand in a field. */
const policy = (noun: string, example: string) =>
  text(noun, `Expected a policy in one line, such as ${example}.`, (value) => /^[\x20-\x7e]+$/.test(value));

const HSTS = /^max-age=\d{1,10}(; ?includeSubDomains)?(; ?preload)?$/;

const options = map('security headers', {
  contentTypeOptions: option(
    flag().prefault(true),
    '`X-Content-Type-Options: nosniff`: browsers take the content type of a response at its word.',
  ),
  frameOptions: option(
    choice('a frame option', ['DENY', 'SAMEORIGIN', OFF]).prefault('DENY'),
    '`X-Frame-Options`: whether other pages may show this one in a frame. `off` leaves it to the server.',
  ),
  referrerPolicy: option(
    choice('a referrer policy', REFERRER_POLICIES).prefault('strict-origin-when-cross-origin'),
    '`Referrer-Policy`: what other sites learn of where a visitor comes from. `off` leaves it to the server.',
  ),
  contentSecurityPolicy: option(
    policy('a content security policy', "default-src 'self'").optional(),
    '`Content-Security-Policy`: where scripts, styles and frames may come from. There is no default that fits all pages.',
    { byDefault: 'left to the server' },
  ),
  permissionsPolicy: option(
    policy('a permissions policy', 'camera=(), geolocation=()').optional(),
    '`Permissions-Policy`: which features of the browser a page may use.',
    { byDefault: 'left to the server' },
  ),
  strictTransportSecurity: option(
    text(
      'a Strict-Transport-Security value',
      'Expected max-age=SECONDS, and if meant ; includeSubDomains and ; preload behind it.',
      (value) => HSTS.test(value),
    ).optional(),
    '`Strict-Transport-Security`, for clients that came by https. A listener with an option of this name goes first: it is for a host as a ' +
      'whole.',
    { byDefault: 'as the listener says' },
  ),
});

const schema = map('a filter', {
  type: option(z.literal('SecurityHeaders'), 'Tells browsers to be careful, in place of what servers say.'),
  securityHeaders: option(options.prefault({}), 'What they are to do.'),
});

export type Config = z.output<typeof schema>;

export const securityHeaders = {
  type: 'SecurityHeaders',
  schema,
  besideLocalReply: true,
  once: () => [['SecurityHeaders', 'is a SecurityHeaders filter']],
  plan,
  describe,
} satisfies FilterKind<Config, Plan>;
