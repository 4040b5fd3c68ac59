'use strict';

const trace = JSON.parse(document.getElementById('trace').textContent);
const tokens = trace.tokens;
const count = tokens.text.length;
const chunkOf = new Int32Array(count);
trace.chunks.forEach((chunk, index) => chunkOf.fill(index, chunk.start, chunk.end));

const HEAT_STEPS = 10;
const mostActive = tokens.components ? tokens.components.reduce((a, b) => Math.max(a, b), 0) : 0;
const SIGNALS = {entropy: 'entropy', novelty: 'n-gram novelty', attention: 'attention', prior: 'positional prior', benefit: 'benefit', score: 'score'};
const FORMATS = {full: 'full', q8: 'Q8', q4: 'Q4', evicted: 'evicted'};
const shown = Object.keys(SIGNALS).filter(name => tokens[name]);
const hidden = new Set();
let selected = -1;
let cursors = [];
let view = {from: 0, to: Math.max(1, count)}; // positions that the charts show

// --- small helpers

function byId(id) {
  return document.getElementById(id);
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function svg(name, attributes, text) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const key in attributes) made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  return made;
}

function number(value, digits) {
  return value === null || value === undefined ? '–' : value.toFixed(digits);
}

function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return (unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)) + ' ' + units[unit];
}

/** Of any number of values, unlike Math.max; 0 of none. */
function largest(values) {
  return values.length ? values.reduce((a, b) => Math.max(a, b)) : 0;
}

function share(part, whole) {
  return whole > 0 ? Math.round(100 * part / whole) + ' %' : '–';
}

function errorText(value) {
  return value === null ? 'not measured' : value.toPrecision(2);
}

/** Control characters as pictures of themselves; line feeds are kept. */
function visible(text) {
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f]/g,
      c => c === '\u007f' ? '\u2421' : String.fromCharCode(0x2400 + c.charCodeAt(0)))
      .replace(/[\u0080-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
}

function heat(components) {
  return mostActive > 0 ? Math.min(HEAT_STEPS, Math.round(HEAT_STEPS * components / mostActive)) : 0;
}


// --- summary

function summary() {
  const parts = [trace.adapters.length ? 'adapter ' + trace.adapters.join(', ') : 'no adapter', 'policy ' + trace.policy,
    'KV policy ' + trace.kvPolicy, trace.executor + ' on ' + trace.device];
  byId('subtitle').textContent = visible(parts.join(' · ')).replaceAll('\n', ' ');
  const memory = trace.memory;
  const errors = trace.chunks.map(chunk => chunk.linearizationError).filter(error => error !== null);
  const lengths = trace.chunks.map(chunk => chunk.end - chunk.start);
  figure('Tokens', count.toLocaleString('en'), trace.promptTokens.toLocaleString('en') + ' given, '
      + (count - trace.promptTokens).toLocaleString('en') + ' written');
  figure('Chunks', trace.chunks.length.toLocaleString('en'),
      [...new Set([-largest(lengths.map(length => -length)), largest(lengths)])].join(' to ') + ' tokens long');
  figure('Active components', number(trace.meanComponents, 2), 'mean per token and projection, of ' + number(trace.maxComponents, 0));
  figure('KV cache at the end', bytes(memory.kvBytes),
      share(memory.kvBytes, memory.kvBytesFull) + ' of ' + bytes(memory.kvBytesFull) + ' in full');
  figure('KV cache at its largest', bytes(memory.kvBytesPeak), '');
  figure('Largest KV error', errors.length ? errorText(largest(errors)) : '–',
      errors.length ? 'linearization error of a page' : 'nothing was measured');
  figure('Weights', bytes(memory.weightBytes), 'and ' + bytes(memory.adapterBytes) + ' of adapters');
}

function figure(name, value, remark) {
  const box = element('div');
  const data = element('dd', '', value);
  data.append(element('small', '', remark));
  box.append(element('dt', '', name), data);
  byId('figures').append(box);
}

// --- text

function text() {
  const scale = element('span', 'scale');
  scale.append('0 ');
  for (let step = 0; step <= HEAT_STEPS; step++) scale.append(element('i', 'h' + step));
  scale.append(' ' + number(mostActive, Number.isInteger(mostActive) ? 0 : 1));
  byId('text-legend').append(element('span', '', 'active components'), scale,
      element('span', '', '▏ a chunk begins, with its rung'), element('span', 'given', 'italic: given'));
  const fragment = document.createDocumentFragment();
  trace.chunks.forEach((chunk, index) => {
    const group = element('span', 'chunk');
    const label = element('sup', '', chunk.rung);
    label.ariaHidden = 'true';
    group.append(label);
    for (let i = chunk.start; i < chunk.end; i++) {
      const token = element('span', 't h' + heat(tokens.components[i]) + (i < trace.promptTokens ? ' given' : ''));
      token.dataset.token = i;
      visible(tokens.text[i]).split('\n').forEach((line, at) => {
        if (at > 0) {
          const mark = element('span', 'mark', '↵');
          mark.ariaHidden = 'true';
          token.append(mark, '\n');
        }
        token.append(line);
      });
      group.append(token);
    }
    fragment.append(group);
  });
  const box = byId('text');
  box.append(fragment);
  box.addEventListener('pointerover', event => {
    const token = event.target.closest('[data-token]');
    if (token) select(Number(token.dataset.token), false);
  });
  box.addEventListener('focus', () => select(Math.max(selected, 0), false));
  box.addEventListener('keydown', event => {
    const to = keyTarget(event.key);
    if (to !== null) {
      event.preventDefault();
      select(to, true);
    } else if ('+-0'.includes(event.key)) {
      const reach = (view.to - view.from) * {'+': 0.25, '-': 1, '0': count}[event.key];
      zoom(selected - reach, selected + reach);
    }
  });
}

function keyTarget(key) {
  const chunk = chunkOf[Math.max(selected, 0)];
  switch (key) {
    case 'ArrowLeft': return selected - 1;
    case 'ArrowRight': return selected + 1;
    case 'ArrowUp': return chunk > 0 ? trace.chunks[chunk - 1].start : 0;
    case 'ArrowDown': return chunk + 1 < trace.chunks.length ? trace.chunks[chunk + 1].start : count - 1;
    case 'Home': return 0;
    case 'End': return count - 1;
    default: return null;
  }
}

// --- the selected token

function select(token, scroll) {
  if (count === 0) return;
  token = Math.max(0, Math.min(count - 1, token));
  const box = byId('text');
  box.querySelectorAll('.selected').forEach(old => old.classList.remove('selected'));
  selected = token;
  const place = box.querySelector('[data-token="' + token + '"]');
  place.classList.add('selected');
  if (scroll) {
    const rect = place.getBoundingClientRect();
    const frame = box.getBoundingClientRect();
    if (rect.top < frame.top || rect.bottom > frame.bottom) box.scrollTop += rect.top - frame.top - frame.height / 2;
  }
  cursors.forEach(cursor => cursor(token));
  details(token);
}

function details(token) {
  const box = byId('details');
  const chunk = trace.chunks[chunkOf[token]];
  box.replaceChildren();
  box.append(element('h3', '', 'Chunk ' + (chunkOf[token] + 1) + ' of ' + trace.chunks.length));
  list(box, {
    'positions': chunk.start + ' to ' + (chunk.end - 1),
    'band': chunk.band + ' (' + (chunk.bandIndex + 1) + ' of ' + chunk.bands + ')',
    'rung': chunk.rung,
    'active components': number(chunk.meanComponents, 2),
    'scale': String(chunk.scale),
    'KV format': FORMATS[chunk.kvFormat],
    'KV pages': Object.keys(FORMATS).filter(format => chunk.kvPages[format] > 0)
        .map(format => chunk.kvPages[format] + ' ' + FORMATS[format]).join(', ') || '–',
    'linearization error': errorText(chunk.linearizationError),
    'adapter': chunk.adapter || 'none',
  });
  box.append(element('h3', '', 'Token ' + token));
  const fields = {
    'text': visible(tokens.text[token]).replaceAll('\n', '↵') || '(no text)',
    'id': tokens.id[token],
    'origin': token < trace.promptTokens ? 'given' : 'written',
    'active components': number(tokens.components[token], 2),
  };
  Object.keys(SIGNALS).forEach(name => fields[SIGNALS[name]] = tokens[name] ? number(tokens[name][token], 3) : 'off');
  list(box, fields);
}

function list(box, fields) {
  const made = element('dl');
  for (const name in fields) made.append(element('dt', '', name), element('dd', name === 'text' ? 'piece' : '', fields[name]));
  box.append(made);
}

// --- charts

const MARGIN = {left: 64, right: 26, top: 8, bottom: 34};
const LEAST_VIEW = 16;

/** A chart as wide as its box; draw(plot, x, y, pixels) adds what is clipped to the view, with y from 0 at the bottom to top. */
function chart(id, height, top, yTicks, yLabel, draw) {
  const box = byId(id);
  const width = Math.max(320, box.clientWidth);
  const right = width - MARGIN.right;
  const bottom = height - MARGIN.bottom;
  const x = position => MARGIN.left + (right - MARGIN.left) * (position - view.from) / (view.to - view.from);
  const y = value => bottom - (bottom - MARGIN.top) * value / (top || 1);
  const chart = svg('svg', {viewBox: '0 0 ' + width + ' ' + height, height, role: 'img', 'aria-labelledby': id + '-title'});
  const frame = {x: MARGIN.left, y: 0, width: right - MARGIN.left, height: bottom};
  const plot = svg('svg', {...frame, viewBox: Object.values(frame).join(' ')}); // clips
  plot.append(svg('rect', {class: 'prompt', x: x(0), y: MARGIN.top, width: x(trace.promptTokens) - x(0), height: bottom - MARGIN.top}));
  yTicks.forEach(([value, label]) => {
    plot.append(svg('line', {class: 'grid', x1: MARGIN.left, x2: right, y1: y(value), y2: y(value)}));
    chart.append(svg('text', {x: MARGIN.left - 6, y: y(value) + 4, 'text-anchor': 'end'}, label));
  });
  chart.append(svg('text', {x: 12, y: (MARGIN.top + bottom) / 2, transform: 'rotate(-90 12 ' + (MARGIN.top + bottom) / 2 + ')',
    'text-anchor': 'middle'}, yLabel));
  ticks(view.from, view.to, width / 90).forEach(value => chart.append(
      svg('line', {class: 'axis', x1: x(value), x2: x(value), y1: bottom, y2: bottom + 4}),
      svg('text', {x: x(value), y: bottom + 16, 'text-anchor': 'middle'}, value.toLocaleString('en'))));
  chart.append(svg('text', {x: (MARGIN.left + right) / 2, y: height - 3, 'text-anchor': 'middle'}, 'position in tokens'
      + (view.from < trace.promptTokens ? '; shaded: given' : '')));
  draw(plot, x, y, right - MARGIN.left);
  const line = svg('line', {class: 'cursor', y1: MARGIN.top, y2: bottom, visibility: 'hidden'});
  const range = svg('rect', {class: 'range', y: MARGIN.top, height: bottom - MARGIN.top, visibility: 'hidden'});
  plot.append(line, range);
  chart.append(plot, svg('line', {class: 'axis', x1: MARGIN.left, x2: right, y1: bottom, y2: bottom}));
  cursors.push(token => {
    line.setAttribute('x1', x(token + 0.5));
    line.setAttribute('x2', x(token + 0.5));
    line.setAttribute('visibility', 'visible');
  });
  pointing(chart, range, x, event => {
    const rect = chart.getBoundingClientRect();
    const share = ((event.clientX - rect.left) * width / rect.width - MARGIN.left) / (right - MARGIN.left);
    return Math.max(0, Math.min(count, view.from + share * (view.to - view.from)));
  });
  box.replaceChildren(chart);
}

/** Pointing selects, dragging zooms in, a double click shows everything again. */
function pointing(chart, range, x, positionAt) {
  let start = null;
  chart.addEventListener('pointerdown', event => {
    start = positionAt(event);
    chart.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  chart.addEventListener('pointermove', event => {
    const position = positionAt(event);
    select(Math.floor(position), false);
    if (start !== null) {
      range.setAttribute('x', Math.min(x(start), x(position)));
      range.setAttribute('width', Math.abs(x(position) - x(start)));
      range.setAttribute('visibility', 'visible');
    }
  });
  chart.addEventListener('pointerup', event => {
    const end = positionAt(event);
    const from = start;
    start = null;
    range.setAttribute('visibility', 'hidden');
    if (from === null) return;
    if (Math.abs(x(end) - x(from)) > 5) zoom(Math.min(from, end), Math.max(from, end)); else select(Math.floor(end), true);
  });
  chart.addEventListener('dblclick', () => zoom(0, count));
}

function zoom(from, to) {
  const length = Math.min(Math.max(1, count), Math.max(LEAST_VIEW, to - from));
  const start = Math.max(0, Math.min((from + to - length) / 2, count - length));
  view = {from: start, to: start + length};
  draw();
}

/** Round numbers from start to end, at most so many. */
function ticks(start, end, most) {
  let step = 1;
  for (let power = 1; (end - start) / step > most; power *= 10) {
    for (const digit of [1, 2, 5]) {
      step = digit * power;
      if ((end - start) / step <= most) break;
    }
  }
  const values = [];
  for (let value = Math.ceil(start / step) * step; value <= end; value += step) values.push(value);
  return values;
}

function path(points) {
  return points.map(([x, y], i) => (i ? 'L' : 'M') + x.toFixed(1) + ' ' + y.toFixed(1)).join('');
}

/** Means over buckets of tokens, so that a long text has no more points than pixels. */
function curve(values, x, y, pixels) {
  const size = Math.max(1, Math.ceil((view.to - view.from) / pixels * 2));
  const points = [];
  for (let from = Math.floor(view.from / size) * size; from < view.to; from += size) {
    const known = values.slice(from, from + size).filter(value => value !== null);
    if (known.length) points.push([x(from + known.length / 2), y(known.reduce((a, b) => a + b, 0) / known.length)]);
  }
  return path(points);
}

function signals() {
  if (shown.length === 0) {
    byId('signals').replaceChildren(element('p', 'hint', 'The policy estimates no complexity.'));
    return;
  }
  chart('signals', 240, 1, [0, 0.25, 0.5, 0.75, 1].map(v => [v, String(v)]), 'signal', (plot, x, y, pixels) => {
    shown.filter(name => !hidden.has(name)).forEach(name => plot.append(
        svg('path', {class: 'curve ' + name, d: curve(tokens[name], x, y, pixels)})));
  });
}

function signalsLegend() {
  shown.forEach(name => {
    const label = element('label');
    const box = element('input');
    box.type = 'checkbox';
    box.checked = true;
    box.addEventListener('change', () => {
      if (box.checked) hidden.delete(name); else hidden.add(name);
      draw();
    });
    label.append(box, swatch(name), SIGNALS[name]);
    byId('signals-legend').append(label);
  });
}

function swatch(name) {
  const picture = svg('svg', {width: 30, height: 10, 'aria-hidden': 'true'});
  picture.append(svg('line', {class: 'curve ' + name, x1: 0, x2: 30, y1: 5, y2: 5}));
  return picture;
}

function chunks() {
  const top = Math.max(1, mostActive);
  const strip = 20; // pixels for the KV formats, below the bars
  const yTicks = ticks(0, top, 5).map(v => [v, String(v)]);
  chart('chunks', 210, top * 1.28, yTicks.map(([v, label]) => [v + top * 0.24, label]), 'components', (plot, x, y) => {
    const base = y(top * 0.24);
    trace.chunks.filter(chunk => chunk.end > view.from && chunk.start < view.to).forEach(chunk => {
      const left = Math.max(x(view.from), x(chunk.start));
      const width = Math.min(x(view.to), x(chunk.end)) - left;
      const edge = width < 5 ? ' narrow' : '';
      const barTop = y(top * 0.24 + chunk.meanComponents);
      plot.append(svg('rect', {class: 'bar h' + heat(chunk.meanComponents) + edge, x: left, width, y: barTop,
        height: Math.max(1, base - barTop)}));
      if (width > 7 * chunk.rung.length + 4) {
        plot.append(svg('text', {class: 'bar-label', x: left + width / 2, y: Math.min(barTop + 13, base - 3)}, chunk.rung));
      }
      plot.append(svg('rect', {class: 'format-' + chunk.kvFormat + edge, x: left, width, y: base + 5, height: strip}));
      const name = FORMATS[chunk.kvFormat];
      if (width > 8 * name.length) {
        plot.append(svg('text', {class: 'format-label', x: left + width / 2, y: base + 5 + strip / 2 + 4}, name));
      }
    });
  });
}

function chunksLegend() {
  const box = byId('chunks-legend');
  box.append(element('span', '', 'bar: rung and mean active components; strip: KV format of most pages'));
  const used = new Set(trace.chunks.map(chunk => chunk.kvFormat));
  Object.keys(FORMATS).filter(format => used.has(format)).forEach(format => {
    const label = element('span');
    const picture = svg('svg', {width: 14, height: 14, 'aria-hidden': 'true'});
    picture.append(svg('rect', {class: 'format-' + format, width: 14, height: 14}));
    label.append(picture, FORMATS[format]);
    box.append(label);
  });
}

function kv() {
  const top = Math.max(1, largest(trace.kv.full), largest(trace.kv.bytes));
  const yTicks = [0, 0.25, 0.5, 0.75, 1].map(part => [part * top, bytes(part * top)]);
  chart('kv', 220, top * 1.05, yTicks, '', (plot, x, y) => {
    const points = values => [[x(0), y(0)], ...trace.kv.tokens.map((token, i) => [x(token), y(values[i])])]; // clipped to the view
    const kept = points(trace.kv.bytes);
    const full = points(trace.kv.full);
    plot.append(svg('path', {class: 'saved', d: path(full.concat([...kept].reverse())) + 'Z'}),
        svg('path', {class: 'curve full', d: path(full)}), svg('path', {class: 'curve kept', d: path(kept)}));
  });
}

function kvLegend() {
  const saved = trace.memory.kvBytesFull > 0 ? 1 - trace.memory.kvBytes / trace.memory.kvBytesFull : 0;
  [['kept', 'kept'], ['full', 'all tokens in full']].forEach(([name, label]) => {
    const entry = element('span');
    entry.append(swatch(name), label);
    byId('kv-legend').append(entry);
  });
  byId('kv-legend').append(element('span', '', 'saved at the end: ' + (100 * saved).toFixed(1) + ' %'));
}

// --- table

function table() {
  const box = byId('table');
  box.addEventListener('toggle', () => {
    if (!box.open || box.querySelector('table')) return;
    const made = element('table');
    const head = element('tr');
    ['chunk', 'from', 'to', 'band', 'rung', 'components', 'scale', 'KV', 'error', 'adapter'].forEach(name => {
      const cell = element('th', '', name);
      cell.scope = 'col';
      head.append(cell);
    });
    made.append(head);
    trace.chunks.forEach((chunk, index) => {
      const row = element('tr');
      [index + 1, chunk.start, chunk.end - 1, chunk.band, chunk.rung, number(chunk.meanComponents, 2), chunk.scale, FORMATS[chunk.kvFormat],
        chunk.linearizationError === null ? '–' : errorText(chunk.linearizationError), chunk.adapter || '–']
          .forEach(value => row.append(element('td', '', value)));
      made.append(row);
    });
    const scroll = element('div');
    scroll.append(made);
    box.append(scroll);
  });
}

function draw() {
  cursors = [];
  signals();
  chunks();
  kv();
  if (selected >= 0) cursors.forEach(cursor => cursor(selected));
}

summary();
signalsLegend();
chunksLegend();
kvLegend();
text();
table();
draw();
let drawnWidth = byId('signals').clientWidth;
addEventListener('resize', () => {
  if (byId('signals').clientWidth !== drawnWidth) {
    drawnWidth = byId('signals').clientWidth;
    draw();
  }
});
