import type { Lane, Rate } from './lanes.ts';
import { lanesOf, ratesOf } from './lanes.ts';
import type { Markup } from './markup.ts';
import { html } from './markup.ts';
import type { Outcome } from './outcome.ts';
import { formatMs } from './outcome.ts';

// Everything is in units of the picture, which the page scales.
const width = 1_000;
const gutter = 92;
const right = 14;
const top = 46;
const laneHeight = 20;
const lanePitch = 32;
const chartHeight = 110;
const chartGap = 30;
const labelWidth = 190;

/** The run as one picture: a lane per node, who led, when each fault struck and how long it hurt, and the throughput below. */
export function timelineSvg(outcome: Outcome): Markup {
  const { timeline } = outcome;
  const endMs = Math.max(1, outcome.elapsedMs, ...timeline.map((entry) => entry.atMs));
  const lanes = lanesOf(timeline, endMs);
  const rates = ratesOf(timeline, endMs);
  const chartTop = top + lanes.length * lanePitch + chartGap;
  const bottom = chartTop + chartHeight;
  const x = (ms: number): number =>
    round(gutter + ((width - gutter - right) * Math.min(Math.max(ms, 0), endMs)) / endMs);
  return html`<svg viewBox="0 0 ${width} ${bottom + 30}" role="img" aria-label="Timeline of the run">
  ${axis(endMs, x, bottom)}
  ${faults(outcome, endMs, x, bottom)}
  ${lanes.map((lane, i) => laneOf(lane, top + i * lanePitch, x))}
  ${throughput(rates, x, chartTop)}
</svg>`;
}

function axis(endMs: number, x: (ms: number) => number, bottom: number): Markup {
  const step = niceStep(endMs / 8);
  const ticks = Array.from({ length: Math.floor(endMs / step) + 1 }, (_, i) => i * step);
  return html`${ticks.map(
    (ms) => html`<line class="grid" x1="${x(ms)}" x2="${x(ms)}" y1="${top - 8}" y2="${bottom}"/>
  <text class="tick" x="${x(ms)}" y="${bottom + 18}" text-anchor="middle">${label(ms, step)}</text>`,
  )}`;
}

function laneOf(lane: Lane, y: number, x: (ms: number) => number): Markup {
  const spans = lane.spans.map(
    (span) =>
      html`<rect class="span ${span.state}" x="${x(span.from)}" y="${y}" width="${round(Math.max(1.5, x(span.to) - x(span.from)))}" height="${laneHeight}" rx="3"><title>${lane.node}: ${span.state}${span.reason === undefined ? '' : ` (${span.reason})`}, ${formatMs(span.from)} to ${formatMs(span.to)}</title></rect>`,
  );
  const led = lane.led.map((each) => {
    const room = x(each.to) - x(each.from);
    return html`<rect class="led" x="${x(each.from)}" y="${y + laneHeight - 5}" width="${round(Math.max(1.5, room))}" height="5" rx="2"><title>${lane.node} leads, term ${each.term}, ${formatMs(each.from)} to ${formatMs(each.to)}</title></rect>
  ${room > 96 && html`<text class="term" x="${x(each.from) + 7}" y="${y + 11}">leader, term ${each.term}</text>`}`;
  });
  return html`<text class="node" x="${gutter - 12}" y="${y + 14}" text-anchor="end">${lane.node}</text>${spans}${led}`;
}

function faults(outcome: Outcome, endMs: number, x: (ms: number) => number, bottom: number): Markup {
  const struck = outcome.timeline.filter((entry) => entry.type === 'fault');
  let free = 0;
  return html`${struck.map((fault) => {
    const from = x(fault.atMs);
    const to = x(fault.atMs + (fault.hurtMs ?? endMs));
    // Labels that would touch take the upper line; those near the edge are written leftwards.
    const y = from < free ? 14 : 30;
    const leftwards = from > width - labelWidth;
    free = from + labelWidth;
    const name = fault.fault === 'preempt' ? `${fault.node} preempted` : `leader ${fault.node} killed`;
    const hurt = fault.hurtMs === undefined ? '' : `, ${formatMs(fault.hurtMs)}`;
    return html`<rect class="hurt" x="${from}" y="${top - 8}" width="${round(Math.max(2, to - from))}" height="${bottom - top + 8}"/>
  <line class="fault" x1="${from}" x2="${from}" y1="${y - 9}" y2="${bottom}"/>
  <text class="fault-name" x="${leftwards ? from - 6 : from + 6}" y="${y}" text-anchor="${leftwards ? 'end' : 'start'}">${name}${hurt}</text>`;
  })}`;
}

function throughput(rates: readonly Rate[], x: (ms: number) => number, chartTop: number): Markup {
  const peak = Math.max(1, ...rates.map((rate) => rate.perSecond));
  const y = (rate: number): number => round(chartTop + chartHeight * (1 - rate / peak));
  const base = chartTop + chartHeight;
  const steps = rates.map((rate) => `H${x(rate.from)}V${y(rate.perSecond)}H${x(rate.to)}`).join('');
  return html`<text class="node" x="${gutter - 12}" y="${chartTop + 10}" text-anchor="end">packages/s</text>
  <text class="tick" x="${gutter - 12}" y="${chartTop + 28}" text-anchor="end">peak ${Math.round(peak)}</text>
  ${rates.length > 0 && html`<path class="rate" d="M${x(0)} ${base}${steps}V${base}Z"/>`}
  <line class="base" x1="${gutter}" x2="${width - right}" y1="${base}" y2="${base}"/>`;
}

/** The nearest of 1, 2 and 5 times a power of ten that isn't smaller. */
function niceStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, atLeast)));
  return ([1, 2, 5].find((factor) => factor * power >= atLeast) ?? 10) * power;
}

function label(ms: number, step: number): string {
  return `${(ms / 1_000).toFixed(step < 1_000 ? 1 : 0)} s`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
