// Filters on planes, as OpenCV computes them. A plane is { w, h, data }, float32 in [0, 1] or bytes.

const MAGIC = 6755399441055744; // 1.5 · 2^52: what is added to it is rounded to a whole number, halves to even
export const rint = (x) => (x + MAGIC) - MAGIC;
export const plane = (w, h, Data = Float32Array) => ({ w, h, data: new Data(w * h) });

/** A plane with `of(value, index)` of each value. */
export function map(x, of) {
  const out = plane(x.w, x.h);
  for (let at = 0; at < out.data.length; at += 1) out.data[at] = of(x.data[at], at);
  return out;
}

export function mean(x, count = x.data.length) {
  let sum = 0;
  for (let at = 0; at < count; at += 1) sum += x.data[at];
  return sum / count;
}

/** Places beyond a side of `n`, reflected with the edge twice: cba|abc|cba. */
function reflected(at, n) {
  let place = at;
  while (place < 0 || place >= n) place = place < 0 ? -1 - place : 2 * n - 1 - place;
  return place;
}

/** Along rows, then along columns: `gather(line, values)` makes a value of those in a window of 2 · radius + 1. */
function separable(x, radius, gather) {
  const along = (from, lines, length, step, next) => {
    const out = plane(from.w, from.h);
    const line = new Float32Array(length + 2 * radius);
    const places = Int32Array.from(line, (_, at) => reflected(at - radius, length));
    for (let number = 0; number < lines; number += 1) {
      for (let at = 0; at < line.length; at += 1) line[at] = from.data[number * next + places[at] * step];
      gather(line, length, (at, value) => { out.data[number * next + at * step] = value; });
    }
    return out;
  };
  return along(along(x, x.h, x.w, 1, x.w), x.w, x.h, x.w, 1);
}

export function gaussian(x, sigma) {
  const radius = (rint(sigma * 8 + 1) | 1) >> 1;
  const weights = Float64Array.from({ length: 2 * radius + 1 }, (_, at) => Math.exp(-((at - radius) ** 2) / (2 * sigma * sigma)));
  const sum = weights.reduce((one, other) => one + other);
  const kernel = Float32Array.from(weights, (weight) => weight / sum);
  return separable(x, radius, (line, length, put) => {
    for (let at = 0; at < length; at += 1) {
      let found = 0;
      for (let k = 0; k < kernel.length; k += 1) found += kernel[k] * line[at + k];
      put(at, found);
    }
  });
}

/** Means of windows of `side` × `side`, which is odd. */
export function box(x, side) {
  return separable(x, side >> 1, (line, length, put) => {
    let sum = 0;
    for (let at = 0; at < side - 1; at += 1) sum += line[at];
    for (let at = 0; at < length; at += 1) {
      sum += line[at + side - 1];
      put(at, sum / side);
      sum -= line[at];
    }
  });
}

/** Least, then greatest value of a window: what is bright and narrower than `side` goes. */
export function opened(x, side) {
  const extreme = (from, pick) => separable(from, side >> 1, (line, length, put) => {
    for (let at = 0; at < length; at += 1) {
      let found = line[at];
      for (let k = 1; k < side; k += 1) found = pick(found, line[at + k]);
      put(at, found);
    }
  });
  return extreme(extreme(x, Math.min), Math.max);
}

/** Which places of a side, and how much of each, make the cells of a smaller one: [[first, weights], …]. */
function cells(from, to) {
  const scale = from / to;
  return Array.from({ length: to }, (_, cell) => {
    const [start, stop] = [cell * scale, Math.min(cell * scale + scale, from)];
    const width = Math.min(scale, from - start);
    let [first, last] = [Math.ceil(start), Math.min(Math.floor(stop), from - 1)];
    first = Math.min(first, last);
    const weights = new Array(last - first).fill(1 / width);
    if (first - start > 1e-3) {
      weights.unshift((first - start) / width);
      first -= 1;
    }
    if (stop - last > 1e-3) weights.push(Math.min(stop - last, 1, width) / width);
    return [first, Float32Array.from(weights)];
  });
}

/** Means of cells, for a size that is no larger. `step`: values from one pixel to the next, for one channel of many. */
export function shrunk(x, w, h, step = 1, offset = 0) {
  const [columns, rows] = [cells(x.w, w), cells(x.h, h)];
  const out = plane(w, h);
  const line = new Float32Array(w);
  for (let y = 0; y < h; y += 1) {
    const [top, heights] = rows[y];
    const sums = out.data.subarray(y * w, (y + 1) * w);
    for (let k = 0; k < heights.length; k += 1) {
      const begin = (top + k) * x.w * step + offset;
      for (let at = 0; at < w; at += 1) {
        const [first, widths] = columns[at];
        let sum = 0;
        for (let j = 0; j < widths.length; j += 1) sum += widths[j] * x.data[begin + (first + j) * step];
        line[at] = sum;
      }
      for (let at = 0; at < w; at += 1) sums[at] += heights[k] * line[at];
    }
  }
  return out;
}

/** The place before, and how far beyond it, of each place of a side that is enlarged. */
function between(from, to) {
  return Array.from({ length: to }, (_, at) => {
    const place = Math.min(from - 1, Math.max(0, ((at + 0.5) * from) / to - 0.5));
    const first = Math.min(Math.floor(place), Math.max(0, from - 2));
    return [first, place - first];
  });
}

/** A picture of bytes with `step` channels at another size: means of cells, or straight lines between pixels. */
export function resized(x, w, h, step) {
  const out = { w, h, data: new Uint8ClampedArray(w * h * step) };
  const smaller = w * h < x.w * x.h && w <= x.w && h <= x.h;
  const [columns, rows] = [between(x.w, w), between(x.h, h)];
  for (let channel = 0; channel < step; channel += 1) {
    const small = smaller ? shrunk(x, w, h, step, channel).data : null;
    for (let y = 0; y < h; y += 1) {
      const [top, down] = rows[y];
      const below = Math.min(top + 1, x.h - 1);
      for (let at = 0; at < w; at += 1) {
        const [left, right] = columns[at];
        const beside = Math.min(left + 1, x.w - 1);
        const value = (row, column) => x.data[(row * x.w + column) * step + channel];
        const line = (row) => value(row, left) * (1 - right) + value(row, beside) * right;
        const found = small ? small[y * w + at] : line(top) * (1 - down) + line(below) * down;
        out.data[(y * w + at) * step + channel] = rint(found);
      }
    }
  }
  return out;
}

/** |x − its 3×3 mean| of rows of bytes; beyond the edge lies the pixel inside it: cb|abc|ba. */
export function fineDetail(x, top, rows) {
  const { w } = x;
  const out = plane(w, rows);
  const inside = (at, n) => (n === 1 ? 0 : at < 0 ? -at : at >= n ? 2 * n - 2 - at : at);
  for (let y = 0; y < rows; y += 1) {
    const lines = [-1, 0, 1].map((by) => (top + inside(y + by, rows)) * w);
    for (let at = 0; at < w; at += 1) {
      const [left, right] = [inside(at - 1, w), inside(at + 1, w)];
      let sum = 0;
      for (const line of lines) sum += x.data[line + left] + x.data[line + at] + x.data[line + right];
      out.data[y * w + at] = Math.abs(x.data[lines[1] + at] - rint(sum / 9));
    }
  }
  return out;
}
