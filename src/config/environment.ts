// Fills `${NAME}` and `${NAME:-default}` in the texts of a configuration from the environment of the process.
// Owns that syntax. Leaves the place of a mistake to the schema, which expands each value as it reads it, and the
// variables of header values (`${clientAddress}`) to src/routing.
import { alternatives, didYouMean, Refusal, shown } from '../base/problems.js';

/** A text with its variables filled in. */
interface Expanded {
  readonly text: string;
  /** Names of the variables that were filled in, as they are written: `${PORT}`. Empty when the text had none. */
  readonly from: readonly string[];
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * Fills in the variables of `text`. `${NAME:-default}` takes the default when NAME is not set, or empty; a default ends at
 * the first `}`. `$${` stands for `${`.
 *
 * Variables in `own` are filled in by a later reader and come before the environment; they stay as they are, and
 * so does `$${`. What is filled in is then escaped, so that a value of the environment is never read a second time.
 */
export function expand(
  text: string,
  own: readonly string[] | undefined,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Expanded | Refusal {
  if (!text.includes('${')) return { text, from: [] };
  const from: string[] = [];
  let filled = '';
  for (let at = 0; at < text.length; ) {
    const next = text.indexOf('${', at);
    if (next === -1) {
      filled += text.slice(at);
      break;
    }
    filled += text.slice(at, next);
    if (text[next - 1] === '$' && next > at) {
      filled = own === undefined ? `${filled.slice(0, -1)}\${` : `${filled}\${`;
      at = next + 2;
      continue;
    }
    const end = text.indexOf('}', next);
    const inside = text.slice(next + 2, end === -1 ? text.length : end);
    const split = inside.indexOf(':-');
    const name = split === -1 ? inside : inside.slice(0, split);
    if (end === -1 || !NAME.test(name)) return malformed(text.slice(next, end === -1 ? next + 20 : end + 1), own);
    if (split === -1 && own?.some((known) => isVariable(known, name))) filled += text.slice(next, end + 1);
    else {
      const set = environment[name];
      const value = split !== -1 && (set === undefined || set === '') ? inside.slice(split + 2) : set;
      if (value === undefined) return missing(name, own);
      filled += own === undefined ? value : value.replaceAll('${', () => '$${');
      from.push(`\${${name}}`);
    }
    at = end + 1;
  }
  return { text: filled, from };
}

/** A name in `own`, or one that begins as a name there that ends in `*`. */
function isVariable(known: string, name: string): boolean {
  if (!known.endsWith('*')) return known === name;
  return name.length >= known.length && name.startsWith(known.slice(0, -1));
}

function malformed(found: string, own: readonly string[] | undefined): Refusal {
  const names = own === undefined ? '' : ` ${alternatives(own.map((name) => `\${${name}}`))},`;
  return new Refusal(
    `${shown(found)} is no variable.`,
    `Expected${names} \${NAME} or \${NAME:-default} of the environment. Write $\${ for a plain \${.`,
  );
}

function missing(name: string, own: readonly string[] | undefined): Refusal {
  if (own !== undefined && !/^[A-Z0-9_]+$/.test(name)) {
    return new Refusal(
      `There is no variable '${name}', and none in the environment.`,
      `Expected ${alternatives(own)}; or set it, or write \${${name}:-default}; $\${ stands for a plain \${.${didYouMean(name, own)}`,
    );
  }
  return new Refusal(
    `The environment variable '${name}' is not set.`,
    `Set it, give a default with \${${name}:-default}, or write $\${${name}} for the plain text.`,
  );
}
