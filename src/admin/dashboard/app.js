// The dashboard: samples the admin API once a second, and draws what happened between two samples.
// No part of the page is made of text that came from outside: all of it goes through textContent.

const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const SAMPLE_MS = 1000;
const HISTORY = 300;
const ROWS_MAX = 150;
const FLOW_MAX = 14;
const DOTS_MAX = 60;

const $ = (id) => document.getElementById(id);

/** An element with attributes and children; texts become text. */
function h(name, attributes = {}, ...children) {
  const svg = ['svg', 'rect', 'text', 'path', 'title', 'g'].includes(name);
  const element = svg ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children.flat().map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

// --- The API ---------------------------------------------------------------------------------------------------------

const fragment = new URLSearchParams(location.hash.slice(1)).get('token');
if (fragment !== null) {
  sessionStorage.setItem('token', fragment);
  history.replaceState(null, '', location.pathname);
}

class ApiError extends Error {}

async function api(path, { method = 'GET', body, headers = {}, signal } = {}) {
  const token = sessionStorage.getItem('token');
  const response = await fetch(path, {
    method,
    signal,
    cache: 'no-store',
    headers: {
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      'Sevenfold-Operator': 'dashboard',
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (response.status === 401) {
    askToken();
    throw new ApiError('The admin API asks for its token.');
  }
  if (!response.ok) {
    const problem = await response.json().catch(() => ({}));
    const lines = [problem.detail ?? `The admin API answered ${response.status}.`];
    if (problem.found) lines.push(`Found: ${problem.found}.`);
    if (problem.expected) lines.push(`Expected: ${problem.expected}.`);
    for (const { file, line, found } of problem.problems ?? []) lines.push(`\n${file}:${line}: ${found}`);
    throw new ApiError(lines.join(' '));
  }
  return response;
}

const json = async (path, asked) => {
  const response = await api(path, asked);
  return response.status === 204 ? undefined : response.json();
};

function askToken() {
  if ($('login').open) return;
  $('login').showModal();
}
$('login').addEventListener('close', () => {
  sessionStorage.setItem('token', $('token').value);
  $('token').value = '';
  follow();
});

function notice(text) {
  $('notice').textContent = text;
  $('notice').hidden = text === '';
}

// --- Figures ---------------------------------------------------------------------------------------------------------

const sum = (list) => list.reduce((all, value) => all + value, 0);
const since = (now, before) => now.map((value, index) => Math.max(0, value - (before?.[index] ?? 0)));
const add = (a, b) => b.map((value, index) => value + (a[index] ?? 0));

function quantile(buckets, q) {
  const total = sum(buckets);
  if (total === 0) return null;
  let below = 0;
  for (let i = 0; i < BOUNDS.length; i++) {
    if (buckets[i] > 0 && below + buckets[i] >= q * total) {
      const lower = i === 0 ? 0 : BOUNDS[i - 1];
      return lower + ((BOUNDS[i] - lower) * (q * total - below)) / buckets[i];
    }
    below += buckets[i];
  }
  return BOUNDS.at(-1);
}

function timeText(seconds) {
  if (seconds === null) return '–';
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1) return `${Number((seconds * 1000).toPrecision(seconds < 0.01 ? 2 : 3))} ms`;
  return `${Number(seconds.toPrecision(2))} s`;
}
const rateText = (rate) => (rate === 0 ? '0' : rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en-US'));

function ageText(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

const NOTHING = { classes: [], buckets: [] };

/** What happened between two samples of one thing. */
function rates(now, before, seconds) {
  const classes = since(now.classes, before?.classes);
  const buckets = since(now.buckets, before?.buckets);
  return {
    classes,
    buckets,
    rate: sum(classes) / seconds,
    errors: ((classes[0] ?? 0) + (classes[5] ?? 0)) / seconds,
    p50: quantile(buckets, 0.5),
    p99: quantile(buckets, 0.99),
  };
}

// --- Sampling --------------------------------------------------------------------------------------------------------

let before = null;
let first = null;
let paused = false;
let layers = new Map();
const history_ = { heat: [], pools: new Map() };

async function sample() {
  const [status, now] = await Promise.all([json('status'), json('stats')]);
  showStatus(status);
  first ??= now;
  if (before !== null && now.atMs > before.atMs) draw(before, now);
  before = now;
}

function draw(then, now) {
  const seconds = (now.atMs - then.atMs) / 1000;
  const key = ({ listener, route, pool, raw }) => JSON.stringify([listener, route, pool, raw]);
  const old = new Map(then.series.map((series) => [key(series), series]));
  const series = now.series.map((each) => ({ ...each, ...rates(each, old.get(key(each)), seconds) }));
  const oldServers = new Map(
    then.pools.flatMap(({ name, servers }) => servers.map((one) => [`${name} ${one.name}`, one])),
  );
  const servers = now.pools.flatMap(({ name, servers: own }) =>
    own.map((one) => {
      const last = oldServers.get(`${name} ${one.name}`);
      const rated = rates(one, last, seconds);
      const errors = Math.max(0, one.failed + one.classes[5] - (last?.failed ?? 0) - (last?.classes[5] ?? 0)) / seconds;
      return { ...one, ...rated, errors, pool: name };
    }),
  );
  const requests = series.filter(({ raw }) => !raw);
  const all = rates(
    requests.reduce(
      (a, { classes, buckets }) => ({ classes: add(a.classes, classes), buckets: add(a.buckets, buckets) }),
      NOTHING,
    ),
    undefined,
    seconds,
  );
  showTiles(all, servers, now, then, seconds);
  showFlow(series, now.pools);
  remember(all, series, now.pools);
  showServers(servers);
  showFailures(now, then, seconds);
}

function remember(all, series, pools) {
  history_.heat.push(all.buckets.length === 0 ? new Array(BOUNDS.length + 1).fill(0) : all.buckets);
  if (history_.heat.length > HISTORY) history_.heat.shift();
  const names = new Set(pools.map(({ name }) => name));
  for (const name of history_.pools.keys()) if (!names.has(name)) history_.pools.delete(name);
  for (const name of names) {
    const own = series.filter(({ pool, raw }) => pool === name && !raw);
    const buckets = own.reduce((a, one) => add(a, one.buckets), []);
    const points = history_.pools.get(name) ?? [];
    points.push({ p50: quantile(buckets, 0.5), p99: quantile(buckets, 0.99), rate: sum(own.map(({ rate }) => rate)) });
    if (points.length > HISTORY) points.shift();
    history_.pools.set(name, points);
  }
  drawHeat();
  drawMultiples();
}

// --- What is shown ---------------------------------------------------------------------------------------------------

function showStatus({ state, version, uptimeSeconds, generation, workers, lastReload }) {
  $('state').textContent = paused ? 'paused' : state;
  $('state').className = state;
  const facts = [
    ['version', version],
    ['up', ageText(uptimeSeconds)],
    ['configuration', generation],
    ['workers', workers],
    [
      'last reload',
      lastReload === null ? 'none' : `${lastReload.successful ? 'applied' : 'refused'} ${lastReload.at.slice(11, 19)}`,
    ],
  ];
  $('facts').replaceChildren(
    ...facts.map(([name, value]) =>
      h(
        'div',
        {},
        h('dt', {}, name),
        h('dd', { class: name === 'last reload' && lastReload?.successful === false ? 'bad' : undefined }, value),
      ),
    ),
  );
}

function showTiles(all, servers, now, then, seconds) {
  const of = (name) => sum(now.workers.map((worker) => worker[name] ?? 0));
  const busy =
    (of('busySeconds') - sum(then.workers.map(({ busySeconds = 0 }) => busySeconds))) / seconds / now.workers.length;
  const share = all.rate === 0 ? 0 : (all.errors / all.rate) * 100;
  const up = servers.filter(({ status }) => status === 'UP' || status === 'SLOW_START').length;
  const tiles = [
    ['requests/s', rateText(all.rate)],
    ['errors', `${share.toFixed(1)} %`, share >= 1],
    ['p50', timeText(all.p50)],
    ['p99', timeText(all.p99)],
    ['in flight', sum(servers.map(({ inFlight }) => inFlight))],
    ['waiting', sum(now.pools.map(({ waiting }) => waiting)), now.pools.some(({ waiting }) => waiting > 0)],
    ['clients', of('clientConnections')],
    ['servers up', `${up}/${servers.length}`, up < servers.length],
    ['workers busy', `${Math.min(100, Math.max(0, busy * 100)).toFixed(0)} %`],
  ];
  $('tiles').replaceChildren(
    ...tiles.map(([name, value, bad]) =>
      h('li', { class: bad ? 'bad' : undefined }, h('b', {}, value), h('span', {}, name)),
    ),
  );
}

/** Listeners, routes and pools as three columns, and the servers of each pool as dots. The busiest where there are many. */
function showFlow(series, pools) {
  const byRate = (of) => {
    const all = new Map();
    for (const each of series) {
      const name = of(each);
      const { rate = 0, errors = 0 } = all.get(name) ?? {};
      all.set(name, { rate: rate + each.rate, errors: errors + (each.raw ? 0 : each.errors) });
    }
    return [...all]
      .map(([name, more]) => ({ name, ...more }))
      .sort((a, b) => b.rate - a.rate || a.name.localeCompare(b.name));
  };
  const routeOf = ({ route, raw }) => (raw ? 'unread' : route === '' ? 'no rule' : route);
  const poolOf = ({ pool }) => (pool === '' ? 'answered here' : pool);
  const known = byRate(poolOf);
  for (const { name } of pools) if (!known.some((one) => one.name === name)) known.push({ name, rate: 0, errors: 0 });
  const columns = [byRate(({ listener }) => listener), byRate(routeOf), known];
  // The busiest, in an order that stays: rates change each second.
  const shown = columns.map((column) => column.slice(0, FLOW_MAX).sort((a, b) => a.name.localeCompare(b.name)));
  const height = Math.max(...shown.map(({ length }) => length), 1) * 34 + 24;
  const x = [10, 260, 510];
  const place = shown.map((column) => new Map(column.map(({ name }, index) => [name, 24 + index * 34])));
  const parts = ['Listeners', 'Routes', 'Pools', 'Servers'].map((text, i) =>
    h('text', { x: [...x, 730][i], y: 12, class: 'dim' }, text),
  );
  const most = Math.max(1, ...series.map(({ rate }) => rate));
  const link = (i, from, to, { rate, errors, raw }) => {
    const [a, b] = [place[i].get(from), place[i + 1].get(to)];
    if (a === undefined || b === undefined) return;
    const [x1, x2] = [x[i] + 180, x[i + 1]];
    const d = `M${x1} ${a + 13} C${x1 + 35} ${a + 13} ${x2 - 35} ${b + 13} ${x2} ${b + 13}`;
    const cls = rate === 0 ? 'idle' : !raw && errors > rate / 20 ? 'bad' : '';
    parts.push(h('path', { d, class: cls, 'stroke-width': 1 + (rate / most) * 11 }));
  };
  for (const each of series) {
    link(0, each.listener, routeOf(each), each);
    link(1, routeOf(each), poolOf(each), each);
  }
  const cut = (text, most_ = 19) => (text.length > most_ ? `${text.slice(0, most_ - 1)}…` : text);
  shown.forEach((column, i) => {
    for (const { name, rate } of column) {
      const y = place[i].get(name);
      parts.push(
        h(
          'g',
          {},
          h('title', {}, `${name}: ${rateText(rate)} requests/s`),
          h('rect', { class: 'node', x: x[i], y, width: 180, height: 26, rx: 5 }),
          h('text', { x: x[i] + 8, y: y + 17 }, cut(name)),
          h('text', { x: x[i] + 172, y: y + 17, class: 'dim', 'text-anchor': 'end' }, rateText(rate)),
        ),
      );
    }
    if (columns[i].length > column.length)
      parts.push(h('text', { x: x[i], y: height - 2, class: 'dim' }, `and ${columns[i].length - column.length} more`));
  });
  for (const { name, servers } of pools) {
    const y = place[2].get(name);
    if (y === undefined) continue;
    servers.slice(0, DOTS_MAX).forEach(({ name: server, status }, i) => {
      parts.push(
        h(
          'rect',
          {
            class: status,
            x: 700 + (i % 30) * 12,
            y: y + (servers.length > 30 ? 1 : 8) + Math.floor(i / 30) * 12,
            width: 9,
            height: 9,
            rx: 2,
          },
          h('title', {}, `${server}: ${status}`),
        ),
      );
    });
    const up = servers.filter(({ status }) => status === 'UP').length;
    const at = 706 + Math.min(servers.length, 30) * 12;
    parts.push(h('text', { x: at, y: y + 17, class: 'dim' }, `${up}/${servers.length}`));
  }
  $('flow').replaceChildren(
    h('svg', { viewBox: `0 0 1110 ${height}`, height, preserveAspectRatio: 'xMinYMin meet' }, parts),
  );
}

function canvas(element) {
  const ratio = devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = element;
  if (element.width !== width * ratio || element.height !== height * ratio) {
    element.width = width * ratio;
    element.height = height * ratio;
  }
  const context = element.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Time to the right, duration upwards, and how many requests by how dark it is. */
function drawHeat() {
  const { context, width, height } = canvas($('heat'));
  const left = 46;
  const rows = BOUNDS.length + 1;
  const cell = { width: (width - left) / HISTORY, height: height / rows };
  const most = Math.max(1, ...history_.heat.flat());
  const ink = colour('--heat');
  history_.heat.forEach((buckets, column) => {
    const x = left + (HISTORY - history_.heat.length + column) * cell.width;
    buckets.forEach((count, row) => {
      if (count === 0) return;
      context.fillStyle = `rgb(${ink} / ${0.15 + 0.85 * (Math.log1p(count) / Math.log1p(most))})`;
      context.fillRect(x, height - (row + 1) * cell.height, Math.ceil(cell.width), Math.ceil(cell.height));
    });
  });
  context.fillStyle = colour('--dim');
  context.font = '11px system-ui, sans-serif';
  for (const row of [0, 3, 7, 11, 15]) context.fillText(timeText(BOUNDS[row]), 0, height - row * cell.height - 3);
}

/** One small chart for each pool: p50 and p99, all on one scale. */
function drawMultiples() {
  const box = $('multiples');
  const pools = [...history_.pools].sort(([, a], [, b]) => b.at(-1).rate - a.at(-1).rate).slice(0, 24);
  const names = pools.map(([name]) => name).sort();
  if (box.dataset.names !== JSON.stringify(names)) {
    box.dataset.names = JSON.stringify(names);
    box.replaceChildren(
      ...names.map((name) =>
        h(
          'figure',
          { 'data-pool': name },
          h('figcaption', {}, h('b', {}, name), h('span', {}, '')),
          h('canvas', { role: 'img', 'aria-label': `Durations of pool ${name}` }),
        ),
      ),
    );
  }
  const top = Math.max(0.001, ...pools.flatMap(([, points]) => points.map(({ p99 }) => p99 ?? 0)));
  for (const figure of box.children) {
    const points = history_.pools.get(figure.dataset.pool) ?? [];
    const last = points.at(-1);
    figure.querySelector('span').textContent = `${timeText(last?.p50 ?? null)} · ${timeText(last?.p99 ?? null)}`;
    const { context, width, height } = canvas(figure.querySelector('canvas'));
    context.strokeStyle = colour('--line');
    context.strokeRect(0.5, 0.5, width - 1, height - 1);
    for (const [name, ink] of [
      ['p99', '--warn'],
      ['p50', '--accent'],
    ]) {
      context.strokeStyle = colour(ink);
      context.beginPath();
      let isOpen = false;
      points.forEach((point, index) => {
        const value = point[name];
        if (value === null) {
          isOpen = false;
          return;
        }
        const x = ((HISTORY - points.length + index + 1) / HISTORY) * width;
        const y = height - 2 - (value / top) * (height - 4);
        if (isOpen) context.lineTo(x, y);
        else context.moveTo(x - 1, y);
        context.lineTo(x, y);
        isOpen = true;
      });
      context.stroke();
    }
  }
}

// --- Servers, and what is changed about them -------------------------------------------------------------------------

const rowsOf = new Map();
let lastServers = [];

const trouble = ({ status, errors }) =>
  (status === 'UP' ? 0 : status === 'DRAINING' || status === 'MAINTENANCE' ? 1 : 2) + (errors > 0 ? 3 : 0);
const ORDERS = {
  trouble: (a, b) => trouble(b) - trouble(a) || b.rate - a.rate,
  rate: (a, b) => b.rate - a.rate,
  p99: (a, b) => (b.p99 ?? -1) - (a.p99 ?? -1),
  name: () => 0,
};

function showServers(servers) {
  lastServers = servers;
  const wanted = $('find').value.trim().toLowerCase();
  const found = servers
    .filter(({ pool, name, status }) => `${pool} ${name} ${status}`.toLowerCase().includes(wanted))
    .sort((a, b) => ORDERS[$('sort').value](a, b) || a.pool.localeCompare(b.pool) || a.name.localeCompare(b.name));
  const shown = found.slice(0, ROWS_MAX);
  $('count').textContent =
    `${shown.length} of ${servers.length}${found.length > shown.length ? `, ${found.length} found` : ''}`;
  const body = $('table').tBodies[0];
  const rows = shown.map((server) => {
    const key = JSON.stringify([server.pool, server.name]);
    const row = rowsOf.get(key) ?? serverRow(server.pool, server.name);
    rowsOf.set(key, row);
    row.update(server);
    return row.element;
  });
  // Rows stay where they are as long as one of them is being worked on.
  const isBusy = body.contains(document.activeElement);
  const same = rows.length === body.rows.length && rows.every((row, index) => body.rows[index] === row);
  if (!same && (!isBusy || rows.length !== body.rows.length)) body.replaceChildren(...rows);
}

function serverRow(pool, name) {
  const path = `pools/${encodeURIComponent(pool)}/servers/${encodeURIComponent(name)}`;
  const state = h('span', { class: 's' });
  const figures = Array.from({ length: 5 }, () => h('td', { class: 'n' }));
  const weight = h('input', { type: 'number', min: 0, max: 1000, 'aria-label': `Weight of ${pool}/${name}` });
  const change = async (body) => {
    try {
      await json(path, { method: 'PATCH', body: { ...body, keep: $('saved').checked ? 'saved' : 'reload' } });
      notice('');
    } catch (error) {
      notice(error.message);
    }
    await refreshLayers();
  };
  weight.addEventListener('change', () => change({ weight: Number(weight.value) }));
  const button = (text, says) =>
    h(
      'button',
      { type: 'button', 'aria-label': `${says} ${pool}/${name}`, onclick: () => change({ state: button.next(text) }) },
      text,
    );
  button.next = (text) => text.toLowerCase();
  const drain = button('Drain', 'Drain');
  const maintenance = button('Maintenance', 'Keep all requests from');
  const ready = button('Ready', 'Make ready');
  const note = h('span', {});
  const element = h(
    'tr',
    {},
    h('td', {}, pool),
    h('th', { scope: 'row' }, name),
    h('td', {}, state, ' ', note),
    figures,
    h('td', {}, weight),
    h('td', {}, drain, maintenance, ready),
  );
  return {
    element,
    update({ status, rate, errors, p50, p99, inFlight }) {
      state.textContent = status;
      state.className = `s ${status}`;
      [rateText(rate), rateText(errors), timeText(p50), timeText(p99), inFlight].forEach((text, index) => {
        figures[index].textContent = text;
      });
      figures[1].classList.toggle('bad', errors > 0);
      const layer = layers.get(JSON.stringify([pool, name]));
      if (document.activeElement !== weight) weight.value = layer?.weight ?? '';
      const said = layer?.state ?? 'ready';
      drain.disabled = said === 'drain';
      maintenance.disabled = said === 'maintenance';
      ready.disabled = said === 'ready';
      note.textContent = layer?.operator
        ? `(${said}, ${layer.operator.keep === 'saved' ? 'saved' : 'until reload'})`
        : '';
    },
  };
}

async function refreshLayers() {
  const { pools } = await json('pools');
  layers = new Map(
    pools.flatMap(({ name, servers }) => servers.map((server) => [JSON.stringify([name, server.name]), server])),
  );
  showServers(lastServers);
}

// --- The rest --------------------------------------------------------------------------------------------------------

function showFailures(now, then, seconds) {
  const all = Object.entries(now.reasons)
    .map(([reason, count]) => ({
      reason,
      count: count - (first.reasons[reason] ?? 0),
      rate: (count - (then.reasons[reason] ?? 0)) / seconds,
    }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.rate - a.rate || b.count - a.count);
  $('failures').tBodies[0].replaceChildren(
    ...(all.length === 0 ? [h('tr', {}, h('td', { colspan: 3 }, 'none'))] : []),
    ...all.map(({ reason, count, rate }) =>
      h('tr', {}, h('td', {}, reason), h('td', { class: 'n' }, rateText(rate)), h('td', { class: 'n' }, count)),
    ),
  );
}

async function showSlow() {
  const { exchanges } = await json('exchanges?older=1000&most=50');
  $('slow').tBodies[0].replaceChildren(
    ...(exchanges.length === 0 ? [h('tr', {}, h('td', { colspan: 5 }, 'none'))] : []),
    ...exchanges.map(({ ageMs, method, path, rule, server, stage }) =>
      h(
        'tr',
        {},
        h('td', { class: 'n' }, ageText(ageMs / 1000)),
        h('td', { class: 'long' }, `${method} ${path ?? ''}`),
        h('td', {}, rule ?? '–'),
        h('td', {}, server ?? '–'),
        h('td', {}, stage),
      ),
    ),
  );
}

async function showCertificates() {
  const { certificates } = await json('certificates');
  $('certificates').tBodies[0].replaceChildren(
    ...(certificates.length === 0 ? [h('tr', {}, h('td', { colspan: 3 }, 'none'))] : []),
    ...certificates.map(({ daysLeft, names, user }) =>
      h(
        'tr',
        {},
        h('td', { class: `n${daysLeft < 14 ? ' bad' : ''}` }, daysLeft),
        h('td', { class: 'long' }, names.map((name) => name.replace(/^DNS:/, '')).join(', ')),
        h('td', {}, user),
      ),
    ),
  );
}

function eventText({ id: _, time: __, type, ...rest }) {
  const words = Object.entries(rest).map(
    ([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
  );
  return `${type}${words.length === 0 ? '' : `: ${words.join(', ')}`}`;
}

let following = null;

/** Reads the stream of events: with fetch, since an EventSource sends no token. Begins again where it was cut. */
async function follow(last = 0) {
  following?.abort();
  const own = new AbortController();
  following = own;
  let at = last;
  try {
    const response = await api('events', {
      headers: { Accept: 'text/event-stream', 'Last-Event-ID': String(last) },
      signal: own.signal,
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop();
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data === undefined) continue;
        const event = JSON.parse(data);
        at = event.id;
        $('events').prepend(
          h('li', {}, h('time', { datetime: event.time }, event.time.slice(11, 19)), eventText(event)),
        );
        while ($('events').children.length > 200) $('events').lastChild.remove();
      }
    }
  } catch {
    // Cut, or no token yet: tried again below, unless another one has begun.
  }
  if (following === own && !own.signal.aborted && !$('login').open) setTimeout(() => follow(at), 2000);
}

$('explain').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const query = new URLSearchParams({ request: form.get('request') });
  if (form.get('header') !== '') query.set('header', form.get('header'));
  try {
    $('answer').textContent = (await json(`explain?${query}`)).text;
  } catch (error) {
    $('answer').textContent = error.message;
  }
});

$('reload').addEventListener('click', async () => {
  $('reload').disabled = true;
  try {
    await json('reload', { method: 'POST' });
    notice('');
  } catch (error) {
    notice(error.message);
  }
  $('reload').disabled = false;
  await refreshLayers();
});

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  localStorage.setItem('theme', theme);
  $('theme').setAttribute('aria-pressed', String(theme === 'dark'));
  drawHeat();
  drawMultiples();
}
const toggleTheme = () => setTheme(document.documentElement.dataset.theme === 'dark' ? 'light' : 'dark');
$('theme').addEventListener('click', toggleTheme);
$('help').addEventListener('click', () => $('keys').showModal());
for (const id of ['find', 'sort']) $(id).addEventListener('input', () => showServers(lastServers));

const togglePause = () => {
  paused = !paused;
  $('state').textContent = paused ? 'paused' : 'ready';
};
const KEYS = {
  '/': () => $('find').focus(),
  e: () => $('explain').elements.request.focus(),
  d: toggleTheme,
  p: togglePause,
  '?': () => $('keys').showModal(),
};
document.addEventListener('keydown', (event) => {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (target instanceof HTMLElement && target.matches('input, select, textarea')) {
    if (key === 'Escape') target.blur();
    return;
  }
  if (!Object.hasOwn(KEYS, key)) return;
  event.preventDefault();
  KEYS[key]();
});

async function run() {
  for (let round = 0; ; round++) {
    if (!paused && !document.hidden && !$('login').open) {
      try {
        if (round % 5 === 0) await refreshLayers();
        if (round % 60 === 0) await showCertificates();
        await Promise.all([sample(), showSlow()]);
        if ($('state').dataset.gone) notice('');
        delete $('state').dataset.gone;
      } catch (error) {
        if (!(error instanceof ApiError)) {
          $('state').textContent = 'not reachable';
          $('state').className = 'gone';
          $('state').dataset.gone = 'yes';
        }
        notice(error instanceof ApiError ? error.message : 'The admin API does not answer. It is tried again.');
      }
    }
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
  }
}

setTheme(localStorage.getItem('theme') ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));
follow();
run();
