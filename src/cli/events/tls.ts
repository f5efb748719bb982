// Sentences about the files of TLS: certificates, keys, authorities and OCSP responses.

import { error, type Sentences, status } from './sentence.js';

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

export const TLS: Sentences<'tls'> = {
  'tls.renewed': ({ user, certificates }) => {
    const ends = certificates.map(({ file, endsMs }) => `${file}, which ends on ${day(endsMs)}`).join(', ');
    const what = ends === '' ? '' : `: ${ends}`;
    return status(`${user}: TLS files changed on disk; new connections get what is in them now${what}.`);
  },
  'tls.refused': ({ user, reason }) =>
    error(`${user}: ${reason} What was read before stays in use until these files change.`),
  'tls.warning': ({ user, found, expected }) => error(`${user}: ${found} ${expected}`),
  'tls.staple-ended': ({ user, ocsp, certificate }) =>
    error(
      `${user}: the OCSP response in ${ocsp}, for the certificate in ${certificate}, has ended and is not stapled any more. Fetch a new one.`,
    ),
};
