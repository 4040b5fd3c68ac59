'use strict';

const plots = JSON.parse(document.getElementById('data').textContent);
const MARKS = ['circle', 'rectRot', 'triangle', 'rect', 'star', 'crossRot', 'rectRounded', 'cross'];
const DASHES = [[], [7, 3], [2, 3], [9, 3, 2, 3]];
const KV_FORMATS = ['full', 'q8', 'q4', 'evicted'];
const STRIP = 14; // pixels for the KV formats, at the bottom of a plot
let charts = [];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
}

function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return (unit === 0 || Math.abs(value) >= 100 ? Math.round(value) : value.toFixed(1)) + ' ' + units[unit];
}

function shown(value, unit) {
  const text = unit === 'bytes' ? bytes(value) : unit === 'percent' ? (100 * value).toLocaleString('en', {maximumFractionDigits: 3}) + ' %'
      : value.toLocaleString('en', {maximumSignificantDigits: 6});
  return text.replace('-', '−');
}

// Round numbers of bytes are powers of two.
function byteStep(scale) {
  const wanted = (scale.max - scale.min) / 5;
  return wanted > 0 ? 2 ** Math.ceil(Math.log2(wanted)) : 1;
}

function axis(described, extra) {
  return {
    title: {display: described.label !== '', text: described.label, color: colour('faint')},
    grid: {color: colour('line')},
    border: {color: colour('border')},
    ticks: {color: colour('faint'), maxTicksLimit: 8, callback: value => shown(value, described.unit)},
    ...(described.unit === 'bytes' ? {afterDataLimits: scale => { scale.options.ticks.stepSize = byteStep(scale); }} : {}),
    ...extra,
  };
}

// Text beside points, left out where it would lie on other text or outside.
const labels = {
  id: 'labels',
  afterDatasetsDraw(chart) {
    const {ctx, chartArea} = chart;
    const taken = [];
    ctx.save();
    ctx.font = '11px system-ui, "DejaVu Sans", sans-serif';
    ctx.fillStyle = colour('ink');
    ctx.textBaseline = 'middle';
    const ruled = chart.options.plugins.rules.rules.filter(rule => !rule.vertical).map(rule => chart.scales.y.getPixelForValue(rule.at));
    const dots = chart.data.datasets.flatMap((_, index) => chart.isDatasetVisible(index) ? chart.getDatasetMeta(index).data : []);
    chart.options.plugins.rules.rules.filter(rule => !rule.vertical).forEach(rule => {
      const width = ctx.measureText(rule.label).width;
      [-9, 9].forEach(side => taken.push({x: chartArea.right - 4 - width, y: chart.scales.y.getPixelForValue(rule.at) + side, width}));
    });
    const order = chart.data.datasets.map((_, index) => index).sort((a, b) => chart.data.datasets[b].marked - chart.data.datasets[a].marked);
    order.forEach(index => {
      const dataset = chart.data.datasets[index];
      if (!chart.isDatasetVisible(index)) return;
      chart.getDatasetMeta(index).data.forEach((dot, at) => {
        const label = dataset.data[at].label;
        if (!label) return;
        const width = ctx.measureText(label).width;
        const places = [[dot.x + 8, dot.y], [dot.x - 8 - width, dot.y], [dot.x - width / 2, dot.y - 14], [dot.x - width / 2, dot.y + 14]];
        const free = places.find(([x, y]) => x >= chartArea.left && x + width <= chartArea.right && y - 7 >= chartArea.top
            && y + 7 <= chartArea.bottom
            && !ruled.some(at => Math.abs(at - y) < 8)
            && !taken.some(box => x < box.x + box.width + 3 && box.x < x + width + 3 && Math.abs(y - box.y) < 13)
            && !dots.some(other => other !== dot && other.x > x - 5 && other.x < x + width + 5 && Math.abs(other.y - y) < 9));
        if (free) {
          taken.push({x: free[0], y: free[1], width});
          ctx.fillText(label, free[0], free[1]);
        }
      });
    });
    ctx.restore();
  },
};

// Whiskers of one standard error or deviation to both sides.
const whiskers = {
  id: 'whiskers',
  afterDatasetsDraw(chart) {
    const {ctx, chartArea, scales} = chart;
    const across = chart.options.indexAxis === 'y';
    ctx.save();
    ctx.beginPath();
    ctx.rect(chartArea.left, chartArea.top, chartArea.width, chartArea.height);
    ctx.clip();
    ctx.beginPath();
    chart.data.datasets.forEach((dataset, index) => {
      if (!chart.isDatasetVisible(index)) return;
      chart.getDatasetMeta(index).data.forEach((element, at) => {
        const point = dataset.data[at];
        if (!point || !Number.isFinite(point.error)) return;
        if (across) {
          const [from, to] = [scales.x.getPixelForValue(point.x - point.error), scales.x.getPixelForValue(point.x + point.error)];
          ctx.moveTo(from, element.y);
          ctx.lineTo(to, element.y);
          [from, to].forEach(x => { ctx.moveTo(x, element.y - 3); ctx.lineTo(x, element.y + 3); });
        } else {
          const [from, to] = [scales.y.getPixelForValue(point.y - point.error), scales.y.getPixelForValue(point.y + point.error)];
          ctx.moveTo(element.x, from);
          ctx.lineTo(element.x, to);
          [from, to].forEach(y => { ctx.moveTo(element.x - 3, y); ctx.lineTo(element.x + 3, y); });
        }
      });
    });
    ctx.strokeStyle = colour('ink');
    ctx.lineWidth = 1.2;
    ctx.stroke();
    ctx.restore();
  },
};

const rules = {
  id: 'rules',
  beforeDatasetsDraw(chart, _, options) {
    const {ctx, chartArea, scales} = chart;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour('bad');
    ctx.font = '11px system-ui, "DejaVu Sans", sans-serif';
    options.rules.forEach(rule => {
      const at = (rule.vertical ? scales.x : scales.y).getPixelForValue(rule.at);
      ctx.setLineDash([6, 4]);
      ctx.beginPath();
      if (rule.vertical) {
        ctx.moveTo(at, chartArea.top);
        ctx.lineTo(at, chartArea.bottom);
        const left = at + 5 + ctx.measureText(rule.label).width > chartArea.right;
        ctx.textAlign = left ? 'right' : 'left';
        ctx.fillText(rule.label, at + (left ? -5 : 5), chartArea.top + 12);
      } else {
        ctx.moveTo(chartArea.left, at);
        ctx.lineTo(chartArea.right, at);
        ctx.textAlign = 'right';
        ctx.fillText(rule.label, chartArea.right - 4, at + (at - chartArea.top < 16 ? 13 : -5));
      }
      ctx.stroke();
    });
    ctx.restore();
  },
};

const strip = {
  id: 'strip',
  afterDatasetsDraw(chart, _, options) {
    const {ctx, chartArea, scales} = chart;
    ctx.save();
    ctx.beginPath();
    ctx.rect(chartArea.left, chartArea.top, chartArea.width, chartArea.height);
    ctx.clip();
    options.stretches.forEach(([start, end, format]) => {
      ctx.fillStyle = colour(KV_FORMATS.includes(format) ? format : 'faint');
      const from = scales.x.getPixelForValue(start - 0.5);
      const to = scales.x.getPixelForValue(end - 0.5);
      ctx.fillRect(from, chartArea.bottom - STRIP, to - from, STRIP);
    });
    ctx.restore();
  },
};

function tip(plot, context) {
  const point = context.raw;
  const error = Number.isFinite(point.error) ? ' ± ' + shown(point.error, (plot.shape === 'bars' ? plot.x : plot.y).unit) : '';
  const lines = [];
  if (plot.shape === 'bars') {
    lines.push(context.dataset.label + ': ' + shown(point.x, plot.x.unit) + error);
  } else {
    lines.push([context.dataset.label === plot.y.label ? '' : context.dataset.label, point.label].filter(text => text).join(': '),
        plot.x.label + ' ' + shown(point.x, plot.x.unit), plot.y.label + ' ' + shown(point.y, plot.y.unit) + error);
  }
  if (point.tip) lines.push(point.tip);
  return lines.filter(line => line);
}

function dataset(plot, series, index) {
  const own = colour('c' + index % 8);
  const points = series.points.map(([x, y, error, label, tipText]) =>
      ({x, y: plot.shape === 'bars' ? label : y, error: error === null ? NaN : error, label: plot.shape === 'bars' ? '' : label, tip: tipText}));
  return {
    label: series.name,
    marked: series.marked,
    data: points,
    type: plot.shape === 'bars' ? 'bar' : 'line',
    showLine: series.joined,
    stepped: plot.shape === 'positions' ? 'middle' : false,
    spanGaps: false,
    borderColor: own,
    borderWidth: plot.shape === 'bars' ? 0 : 1.6,
    borderDash: series.joined && plot.shape === 'points' ? DASHES[index % DASHES.length] : [],
    backgroundColor: series.marked || plot.shape === 'bars' ? own : own + '55',
    pointStyle: plot.shape === 'positions' ? false : MARKS[index % MARKS.length],
    pointRadius: series.marked ? 7 : 4.5,
    pointHoverRadius: 8,
    maxBarThickness: 20,
    clip: plot.shape === 'positions' ? undefined : 8,
  };
}

function config(plot) {
  const bars = plot.shape === 'bars';
  const positions = plot.shape === 'positions';
  const categories = plot.labels;
  const all = plot.series.flatMap(series => series.points);
  const y = bars ? axis(plot.y, {type: 'category', labels: categories, grid: {display: false},
        ticks: {color: colour('ink'), autoSkip: false, callback: at => wrapped(categories[at])}})
      : axis(plot.y, {type: 'linear', ...(positions ? {beginAtZero: true} : {grace: '8%'})});
  const x = axis(plot.x, {type: 'linear', ...(bars ? {grace: '5%'} : positions ? {min: 0, max: Math.max(...all.map(point => point[0]))}
      : {grace: '8%'})});
  if (positions) {
    y.afterFit = scale => { scale.width = 62; }; // one position stands at one place in all plots
  }
  if (positions && plot.stretches.length > 0) {
    // Room for the strip below 0.
    const top = Math.max(...all.map(point => point[1]), 0);
    y.min = -top * 0.14;
    y.ticks.callback = value => value < 0 ? '' : shown(value, plot.y.unit);
  }
  const values = all.map(point => point[1]);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  if (plot.shape === 'points' && least > 0 && most > 3 * least) {
    Object.assign(y, {type: 'logarithmic', min: least / 1.1, max: most * 1.1});
    y.ticks.callback = value => Number(value.toPrecision(2)) === value ? shown(value, plot.y.unit) : ''; // not the ends of the axis
  }
  plot.rules.forEach(rule => {
    const ruled = rule.vertical ? x : y;
    const along = all.map(point => point[rule.vertical ? 0 : 1]);
    ruled.suggestedMin = Math.min(rule.at, ...along);
    ruled.suggestedMax = Math.max(rule.at, ...along);
  });
  // Whiskers belong into the picture, too.
  const compared = bars ? x : y;
  const ends = all.filter(point => point[2] !== null).flatMap(point => [-1, 1].map(side => point[bars ? 0 : 1] + side * point[2]));
  if (ends.length > 0) {
    compared.suggestedMin = Math.min(compared.suggestedMin ?? Infinity, ...ends);
    compared.suggestedMax = Math.max(compared.suggestedMax ?? -Infinity, ...ends);
  }
  const formats = [...new Set(plot.stretches.map(stretch => stretch[2]))];
  return {
    type: bars ? 'bar' : 'line',
    data: {datasets: plot.series.map((series, index) => dataset(plot, series, index))},
    options: {
      indexAxis: bars ? 'y' : 'x',
      animation: false,
      maintainAspectRatio: false,
      interaction: positions ? {mode: 'nearest', axis: 'x', intersect: false} : {mode: 'nearest', intersect: true},
      scales: {x, y},
      plugins: {
        rules: {rules: plot.rules},
        strip: {stretches: plot.stretches},
        legend: {
          display: positions ? formats.length > 0 : plot.series.length > 1,
          position: 'bottom',
          onClick: positions ? () => {} : undefined,
          labels: {color: colour('ink'), usePointStyle: !bars && !positions, boxWidth: 12, ...(positions ? {generateLabels: () =>
            formats.map(format => ({text: 'KV ' + format, fillStyle: colour(KV_FORMATS.includes(format) ? format : 'faint'), lineWidth: 0,
              fontColor: colour('ink')}))} : {})},
        },
        tooltip: {callbacks: {title: items => bars ? items[0].raw.y : positions ? '' : '', label: context => tip(plot, context)}},
      },
    },
    plugins: [rules, strip, ...(bars || plot.shape === 'points' ? [whiskers] : []), ...(plot.shape === 'points' ? [labels] : [])],
  };
}

// Labels of bars in lines of at most 26 characters, three of them.
function wrapped(label) {
  const lines = [''];
  label.split(' ').forEach(word => {
    if (lines.at(-1) && (lines.at(-1) + ' ' + word).length > 26) lines.push('');
    lines[lines.length - 1] += (lines.at(-1) ? ' ' : '') + (word.length > 26 ? word.slice(0, 25) + '…' : word);
  });
  return lines.length > 3 ? [...lines.slice(0, 2), lines[2] + ' …'] : lines;
}

function draw() {
  charts.forEach(chart => chart.destroy());
  Chart.defaults.font.family = 'system-ui, "DejaVu Sans", sans-serif';
  Chart.defaults.font.size = 11;
  charts = plots.map((plot, index) => {
    const canvas = document.getElementById('plot-' + index);
    if (plot.shape === 'bars') {
      canvas.parentElement.style.height = Math.max(9, 6 + plot.labels.length * (1.2 + 0.9 * plot.series.length)) + 'rem';
    }
    return new Chart(canvas, config(plot));
  });
}

draw();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
