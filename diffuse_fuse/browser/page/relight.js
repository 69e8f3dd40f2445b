// Re-lighting in the browser: what diffuse_fuse/fusion/relight.py does to a pair of bytes, line by line under the same
// names. Its constants are handed in as they are in Python, `C` without the leading underscore. A test compares both.
import { box, fineDetail, gaussian, map, mean, opened, plane, rint, shrunk } from "./filters.js";

const f = Math.fround;
const clip = (x, low, high) => (x < low ? low : x > high ? high : x);
const smooth = (t) => t * t * (3 - 2 * t);

/** 0 below `low`, 1 above `high`, smooth between. */
const step = (x, [low, high]) => smooth(clip((x - low) / (high - low), 0, 1));

/** A length in pixels of a picture with a side of C.SIDE, in pixels of `x`. */
const scaled = (length, x, C) => Math.max(1, rint((length * Math.min(x.w, x.h)) / C.SIDE));
const blurred = (x, sigma, C) => gaussian(x, Math.max(0.3, sigma * Math.min(1.5, Math.min(x.w, x.h) / C.SIDE)));

function deviation(x, C) {
  const around = blurred(x, 4, C);
  const squares = blurred(map(x, (value) => value * value), 4, C);
  return map(around, (value, at) => Math.sqrt(Math.max(0, squares.data[at] - value * value)));
}

/** Slope and rest of the guided filter of `x` by itself. */
function guided(x, radius, edge, C) {
  const side = 2 * scaled(radius, x, C) + 1;
  const around = box(x, side);
  const squares = box(map(x, (value) => value * value), side);
  const slope = map(around, (value, at) => {
    const variance = Math.max(0, squares.data[at] - value * value);
    return variance / (variance + edge);
  });
  return [box(slope, side), box(map(around, (value, at) => value - slope.data[at] * value), side)];
}

/** The value below which a `share` of `x` lies, to a level of 255. */
function shareBelow(x, share) {
  const counts = new Uint32Array(256);
  for (const value of x.data) counts[Math.min(255, Math.floor(f(value * 255) + 0.5))] += 1;
  const wanted = share * x.data.length;
  let [sum, level] = [0, 0];
  while (level < 256 && (sum += counts[level]) < wanted) level += 1;
  return level / 255;
}

/** A byte picture in cells of factor × factor, in [0, 1]; those at the right and lower edge are filled by repetition. */
function reduced(x, factor, channels, offset) {
  const [w, h] = [Math.ceil(x.w / factor), Math.ceil(x.h / factor)];
  const out = plane(w, h);
  for (let y = 0; y < h; y += 1) {
    for (let at = 0; at < w; at += 1) {
      let sum = 0;
      for (let j = 0; j < factor; j += 1) {
        const line = Math.min(x.h - 1, y * factor + j) * x.w;
        for (let i = 0; i < factor; i += 1) sum += x.data[(line + Math.min(x.w - 1, at * factor + i)) * channels + offset];
      }
      // OpenCV rounds halves up in cells of 2 × 2, and to even in others
      const level = factor === 2 ? (sum + 2) >> 2 : rint(sum / (factor * factor));
      out.data[y * w + at] = level * f(1 / 255);
    }
  }
  return out;
}

/** Mean absolute value of what a 3×3 mean takes away, in the quieter third of the picture's cells of 8×8. */
function noise(ir, C) {
  const portion = Math.max(8, Math.floor(Math.floor(C.PORTION / ir.w) / 8) * 8);
  const found = [];
  for (let top = 0; top < ir.h; top += portion) {
    const rows = Math.min(portion, ir.h - top);
    const fine = fineDetail(ir, top, rows);
    found.push(...shrunk(fine, Math.max(1, ir.w >> 3), Math.max(1, rows >> 3)).data);
  }
  found.sort((one, other) => one - other);
  return found[Math.trunc(0.3 * (found.length - 1))] / 255;
}

/** A pair, some times smaller: { factor, ir, y, brightness, channels }. */
function reducedPair(ir, vis, C) {
  const factor = Math.max(1, rint(Math.min(ir.w, ir.h) / C.LEAST));
  const channels = [0, 1, 2].map((channel) => reduced(vis, factor, 3, channel));
  const [r, g, b] = channels.map((channel, at) => map(channel, (value) => value * f(C.LUMA[at])).data);
  const y = map(channels[0], (_, at) => f(r[at] + g[at]) + b[at]);
  return { factor, ir: reduced(ir, factor, 1, 0), y, brightness: blurred(y, 3, C), channels };
}

/** Share of the upper quarter of the picture that is bright and cold. */
function sky(small, average, spread, C) {
  const count = (Math.floor(small.ir.h / 4) + 1) * small.ir.w;
  const warm = Math.max(average, shareBelow(small.ir, 0.5));
  const soft = blurred(small.ir, 2, C);
  const cold = map(soft, (value, at) => step((warm - value) / Math.max(C.LEAST_SPREAD, spread), C.COLD)
    * step(small.brightness.data[at], C.BRIGHT));
  return mean(cold, Math.min(count, cold.data.length));
}

/** What re-lighting knows of the scene as a whole. */
function sceneLight(small, ir, balance, C) {
  const average = mean(small.ir);
  const spread = Math.sqrt(Math.max(0, mean(map(small.ir, (value) => (value - average) ** 2))));
  let [amount, bright, glare, lamps] = [0, 0, 0, 0];
  if (balance === "auto") {
    const [r, g, b] = small.channels.map((channel) => channel.data);
    const colour = mean(map(small.y, (_, at) => Math.max(r[at], g[at], b[at]) - Math.min(r[at], g[at], b[at])));
    const day = step(shareBelow(small.brightness, 0.8), C.DAY);
    amount = day * (C.GREY_PART + (1 - C.GREY_PART) * step(colour, C.COLOUR));
    bright = day * step(sky(small, average, spread, C), C.SKY_SHARE);
    const upper = Math.floor(small.brightness.h / 2) * small.brightness.w;
    glare = step(mean(map(small.brightness, (value) => step(value, C.GLARE)), upper), C.GLARE_SHARE);
    lamps = 1 - day;
  } else amount = bright = glare = 1 - balance;
  const even = balance === 1 ? 0 : 1 - step(spread, C.EVEN);
  return {
    amount: Math.max(amount, even), bright: Math.max(amount, bright, even), glare: Math.max(amount, bright, glare, even),
    lamps, mean: average, spread: Math.max(C.LEAST_SPREAD, spread), median: shareBelow(small.ir, 0.5),
    noise: noise(ir, C), even,
  };
}

/** Where the visible picture shows nothing and the infrared one something that is no sky, as behind smoke. */
function blindness(small, coldness, C) {
  const [seen, felt] = [deviation(small.y, C), deviation(small.ir, C)];
  return blurred(map(seen, (value, at) => (1 - step(value, C.FLAT)) * step(felt.data[at], C.STRUCTURED)
    * (1 - step(coldness.data[at], C.NOT_COLD))), 3, C);
}

/** The small fields that say what becomes of a pixel; values are levels of 0 to 255. */
function smallFields(small, light, C) {
  const { ir, y, brightness } = small;
  const [irSlope, irRest] = guided(ir, C.RADIUS, C.IR_EDGE, C);
  const [visSlope, visRest] = guided(y, C.RADIUS, C.VIS_EDGE, C);
  const base = map(ir, (value, at) => f(irSlope.data[at] * value) + irRest.data[at]);
  const coldness = map(blurred(base, 2, C), (value) => (light.median - value) / light.spread);
  const blind = blindness(small, coldness, C).data;
  const seen = map(base, (_, at) => 1 - C.BLIND_PART * blind[at]).data;
  const warmer = (Math.max(light.mean, light.median) - light.median) / light.spread;
  const heaven = map(coldness, (value, at) => Math.max(
    step(value + warmer, C.COLD) * step(brightness.data[at], C.BRIGHT),
    step(value + warmer, C.GLARE_COLD) * step(brightness.data[at], C.GLARE),
  ));
  const bright = Math.max(0, light.bright - light.amount);
  const ground = opened(base, 2 * scaled(Math.floor(C.TARGET / 2), ir, C) + 1);
  const around = blurred(ground, 4, C).data;
  const standsOut = map(base, (value, at) => step((value - ground.data[at]) / light.spread, C.STANDS_OUT));
  const fields = {
    irSlope, irRest: map(irRest, (value) => 255 * value), visSlope, visRest: map(visRest, (value) => 255 * value),
    gain: map(heaven, (value) => C.DETAIL * (1 - C.SKY_PART * value)),
    hotFrom: map(base, (_, at) => 255 * Math.min(light.mean + C.HOT[0] * light.spread,
      Math.max(light.mean + C.WARM * light.spread, around[at] + C.RISE * light.spread))),
    cap: map(standsOut, (value) => 255 * (C.CAP[0] + (C.CAP[1] - C.CAP[0]) * value)),
    follow: map(brightness, (value, at) => light.amount * Math.max(step(value, C.LIT) * seen[at], light.even)),
  };
  if (bright) fields.bright = map(base, (_, at) => bright * (1 - blind[at]));
  if (light.lamps) fields.lamps = map(base, (_, at) => light.lamps * seen[at]);
  return fields;
}

// From here on each step is rounded to float32, as NumPy and OpenCV round it: with other roundings some pixels in ten
// thousand would come out a level higher or lower, and the networks make more of that.
const smoothPlane = (t) => f(f(t * t) * f(3 - 2 * t));

/** A straight line through 0 at `zero` and 1 at `one`, as [slope, rest]. */
const ramp = (zero, one) => [f(1 / (one - zero)), f(-zero / (one - zero))];

/** How far what is `bright` in the visible base layer is `darker` in the infrared one's, 0 to 1. */
function goesDark(natural, base, [bright, darker]) {
  const lost = f(f(natural - base) * darker[0] + darker[1]);
  const lit = f(natural * bright[0] + bright[1]);
  return smoothPlane(clip(Math.min(lost, lit), 0, 1));
}

/** Reads small fields along the rows of the picture: `row(y)` fills a line of each of `lines`, bilinear. */
function reader(fields, factor, width) {
  const planes = Object.values(fields);
  const { w, h } = planes[0];
  const places = (at, n) => {
    const place = f((at + 0.5) / factor - 0.5);
    const first = Math.floor(place);
    return [clip(first, 0, n - 1), clip(first + 1, 0, n - 1), f(place - first)];
  };
  const columns = Array.from({ length: width }, (_, at) => places(at, w));
  const [left, right, part] = [0, 1, 2].map((which) => Float64Array.from(columns, (column) => column[which]));
  const empty = () => planes.map(() => new Float32Array(width));
  const lines = empty();
  const wide = [empty(), empty()]; // two rows of the fields, as wide as the picture
  const held = [-1, -1];
  const widen = (row) => {
    const slot = row & 1;
    if (held[slot] === row) return wide[slot];
    held[slot] = row;
    planes.forEach(({ data }, number) => {
      const [from, to] = [data.subarray(row * w, (row + 1) * w), wide[slot][number]];
      for (let x = 0; x < width; x += 1) to[x] = f(from[left[x]] * f(1 - part[x])) + f(from[right[x]] * part[x]);
    });
    return wide[slot];
  };
  const row = (y) => {
    const [above, below, down] = places(y, h);
    const [one, other] = [widen(above), widen(below)];
    const up = f(1 - down);
    for (let number = 0; number < lines.length; number += 1) {
      const [first, second, to] = [one[number], other[number], lines[number]];
      for (let x = 0; x < width; x += 1) to[x] = f(first[x] * up) + f(second[x] * down);
    }
  };
  return { lines, row };
}

/** Fills `relit` and `lifted`, pixel by pixel. */
function fill(ir, vis, small, light, C, relit, lifted) {
  const fields = smallFields(small, light, C);
  const { lines, row } = reader(fields, small.factor, ir.w);
  const [irSlope, irRest, visSlope, visRest, gain, hotFrom, cap, follows, ...parts] = lines;
  const levels = (limits) => ramp(255 * limits[0], 255 * limits[1]);
  const kinds = [[fields.bright, C.BRIGHT, C.DARKER], [fields.lamps, C.LAMPLIGHT, C.LESS_THAN_LAMPLIGHT]]
    .filter(([field]) => field).map(([, bright, darker]) => [levels(bright), levels(darker)]);
  const burnt = [levels(C.GLARE), levels(C.DARKER)];
  const lift = f(Math.max(light.amount, light.bright));
  const glare = f(light.glare > light.amount ? light.glare : 0);
  const grain = f(255 * light.noise * (1 + light.lamps)); // grain shows on dark roads
  const perSpread = f(1 / (255 * light.spread * (C.HOT[1] - C.HOT[0])));
  for (let y = 0, at = 0; y < ir.h; y += 1) {
    row(y);
    for (let x = 0; x < ir.w; x += 1, at += 1) {
      const [r, g, b] = [vis.data[3 * at], vis.data[3 * at + 1], vis.data[3 * at + 2]];
      const heat = ir.data[at];
      const luma = (9798 * r + 19235 * g + 3735 * b + 16384) >> 15;
      const base = f(f(irSlope[x] * heat) + irRest[x]);
      let natural = f(f(visSlope[x] * luma) + visRest[x]);
      let follow = follows[x];
      for (let kind = 0; kind < kinds.length; kind += 1) {
        follow = f(follow + f(goesDark(natural, base, kinds[kind]) * parts[kind][x]));
      }
      if (glare) follow = Math.max(follow, f(goesDark(natural, base, burnt) * glare));
      const detail = f(heat - base);
      const clear = Math.max(f(detail - clip(detail, -grain, grain)), C.HEADROOM * luma - 255 * C.HEADROOM);
      natural = f(natural + f(clear * gain[x]));
      const hot = f(base - hotFrom[x]);
      let more = 0;
      if (hot > 0) {
        const share = smoothPlane(clip(f(hot * perSpread), 0, 1));
        const target = Math.min(heat, cap[x]);
        natural = f(natural + f(Math.max(0, f(target - natural)) * share));
        more = rint(f(f(Math.max(0, f(target - luma)) * share) * lift));
      }
      relit.data[at] = clip(rint(f(f(f(natural - heat) * follow) + heat)), 0, 255);
      lifted.data[3 * at] = Math.min(255, r + more);
      lifted.data[3 * at + 1] = Math.min(255, g + more);
      lifted.data[3 * at + 2] = Math.min(255, b + more);
    }
  }
}

/**
 * A pair as the network is to see it. `ir` is a plane of bytes, `vis` one of three bytes a pixel, of the same size;
 * `balance` is "auto" or a number from 0 to 1; `C` the constants of relight.py. Returns { ir, vis } of the same kinds.
 */
export function relight(ir, vis, balance, C) {
  if (balance === 1) return { ir, vis };
  const small = reducedPair(ir, vis, C);
  const light = sceneLight(small, ir, balance, C);
  if (Math.max(light.amount, light.bright, light.glare, light.lamps) <= 0) return { ir, vis };
  const relit = plane(ir.w, ir.h, Uint8Array);
  const lifted = { w: vis.w, h: vis.h, data: new Uint8Array(vis.data.length) };
  fill(ir, vis, small, light, C, relit, lifted);
  return { ir: relit, vis: lifted, light };
}
