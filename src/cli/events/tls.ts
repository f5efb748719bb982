// Sentences about the files of TLS: certificates, keys, authorities and OCSP responses.

import { error, type Sentences, status } from './sentence.js';

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

export const TLS: Sentences<'tls'> = {
  'tls.renewed': ({ user, certificates }) => {
    const ends = certificates.map(({ file, endsMs }) => `${file}, which ends on ${day(endsMs)}`).join(', ');
    const what = ends === '' ? '' : `: ${ends}`;
    return status(`${user}: TLS files changed on disk; new connections use the new content${what}.`);
  },
  'tls.refused': ({ user, reason }) =>
    error(`${user}: ${reason} The previous content stays in use until these files change.`),
  'tls.warning': ({ user, found, expected }) => error(`${user}: ${found} ${expected}`),
  'tls.staple-ended': ({ user, ocsp, certificate }) =>
    error(
      `${user}: the OCSP response in ${ocsp}, for the certificate in ${certificate}, has expired and is no longer stapled. Fetch a new one.`,
    ),
};
