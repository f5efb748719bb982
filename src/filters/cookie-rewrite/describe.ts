// CookieRewrite, in words.

import type { Plan } from './plan.js';

export function describe({ paths, domains }: Plan): string {
  const changes = [
    ...paths.map(({ from, to }) => `path ${from} becomes ${to}`),
    ...domains.map(({ from, to }) => {
      const which = from === '*' ? 'every domain' : `domain ${from}`;
      return to === '' ? `${which} is taken away` : `${which} becomes ${to}`;
    }),
  ];
  return `CookieRewrite: ${changes.join(', ')}`;
}
