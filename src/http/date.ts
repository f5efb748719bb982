// The time as Date fields have it (RFC 9110, 5.6.7).

let second = 0;
let text = '';

/** Now, in the form of `Sun, 06 Nov 1994 08:49:37 GMT`. Made once a second. */
export function httpDate(): string {
  const now = Math.floor(Date.now() / 1000);
  if (now !== second) {
    second = now;
    text = new Date(now * 1000).toUTCString();
  }
  return text;
}
