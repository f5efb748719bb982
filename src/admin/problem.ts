// Errors of the admin API: problem details (RFC 9457), with the place, what was found and what is expected there.

/** What a client gets of an error. */
export interface ProblemBody {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  /** One sentence. */
  readonly detail: string;
  /** What of the request, or of a configuration, it is about: `body.weight`, `shop.yaml:6:35`. */
  readonly place?: string;
  readonly found?: string;
  readonly expected?: string;
  /** Of a configuration that is refused: all of its problems. */
  readonly problems?: readonly object[];
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  422: 'Unprocessable Content',
  428: 'Precondition Required',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** A request that is refused. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly status: number;
  readonly extra: Omit<ProblemBody, 'type' | 'title' | 'status' | 'detail'>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    detail: string,
    extra: Refused['extra'] = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.status = status;
    this.extra = extra;
    this.headers = headers;
  }

  get body(): ProblemBody {
    const { status, message: detail, extra } = this;
    return { type: 'about:blank', title: TITLES[status] ?? 'Error', status, detail, ...extra };
  }
}
