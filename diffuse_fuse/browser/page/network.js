// A graph of dfuse export in onnxruntime-web: a re-lit pair in, a picture out, in bands of rows that fit into memory.
import * as ort from "./ort.js";
import { rint } from "./filters.js";

const MOST_THREADS = 4;

/** Bytes of a file beside this one; `report(read, all)` now and then. */
async function fetched(name, report) {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Error(`The page lacks its file ${name} (${answer.status}): build it again with dfuse page.`);
  const all = Number(answer.headers.get("Content-Length")) || 0;
  const parts = [];
  let read = 0;
  for (const reader = answer.body.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    read += value.length;
    report(read, all);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

let runtime = null;
function started(report) {
  runtime ||= fetched("ort.wasm", report).then((binary) => {
    ort.env.wasm.wasmBinary = binary.buffer;
    // Threads share memory, which a browser allows to pages only that their server isolates.
    ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;
    ort.env.logLevel = "fatal";
  });
  runtime.catch(() => { runtime = null; });
  return runtime;
}

const sessions = new Map();
/** The session of a model { file }, loaded when first asked for. */
export function session(model, report) {
  if (!sessions.has(model.file)) {
    const loading = Promise.all([started(report), fetched(model.file, report)]).then(([, graph]) => ort.InferenceSession.create(graph, { executionProviders: ["wasm"] }));
    loading.catch(() => sessions.delete(model.file));
    sessions.set(model.file, loading);
  }
  return sessions.get(model.file);
}

/** Rows of a picture in parts of `most` pixels: [{ start, stop, from, to }], of which from … to are kept. */
function bands(height, width, { multiple, reach }, most) {
  const overlap = Math.ceil(reach / multiple) * multiple;
  const padded = Math.ceil(height / multiple) * multiple;
  const room = Math.floor(most / width) - 2 * overlap;
  const side = padded * width <= most ? padded : Math.max(overlap, Math.floor(room / multiple) * multiple, multiple);
  const parts = [];
  for (let from = 0; from < height; from += side) {
    const stop = Math.min(from + side, padded);
    parts.push({ start: Math.max(0, from - overlap), stop: Math.min(stop + overlap, padded), from, to: Math.min(stop, height) });
  }
  return parts;
}

/** Some rows of bytes with `channels` values a pixel as planes in [0, 1]; beyond the picture it is reflected. */
function tensor({ w, h, data }, channels, start, stop, columns) {
  const rows = stop - start;
  const values = new Float32Array(channels * rows * columns);
  const unit = Float32Array.from({ length: 256 }, (_, level) => level / 255);
  for (let y = 0; y < rows; y += 1) {
    const line = (start + y < h ? start + y : 2 * (h - 1) - start - y) * w;
    for (let x = 0; x < columns; x += 1) {
      const from = (line + (x < w ? x : 2 * (w - 1) - x)) * channels;
      for (let channel = 0; channel < channels; channel += 1) {
        values[(channel * rows + y) * columns + x] = unit[data[from + channel]];
      }
    }
  }
  return new ort.Tensor("float32", values, [1, channels, rows, columns]);
}

/** Planes in [0, 1] as levels, rounded as diffuse_fuse/fusion/levels.py rounds: green, and the differences to it. */
function levels(fused, band, columns, out) {
  const size = (band.stop - band.start) * columns;
  for (let y = band.from; y < band.to; y += 1) {
    for (let x = 0; x < out.w; x += 1) {
      const at = (y - band.start) * columns + x;
      const [red, green, blue] = [0, 1, 2].map((channel) => Math.fround(fused[channel * size + at] * 255));
      const g = rint(green);
      const to = 3 * (y * out.w + x);
      out.data[to] = rint(Math.fround(red - green)) + g; // Uint8ClampedArray cuts off
      out.data[to + 1] = g;
      out.data[to + 2] = rint(Math.fround(blue - green)) + g;
    }
  }
}

/**
 * The fused picture of a re-lit pair: { w, h, data }, three bytes a pixel, in bands of at most `most` pixels.
 * `report(share)` after each of them.
 */
export async function fused(loaded, model, { ir, vis }, most, report) {
  const columns = Math.ceil(ir.w / model.multiple) * model.multiple;
  const out = { w: ir.w, h: ir.h, data: new Uint8ClampedArray(3 * ir.w * ir.h) };
  for (const band of bands(ir.h, columns, model, most)) {
    const pair = { ir: tensor(ir, 1, band.start, band.stop, columns), vis: tensor(vis, 3, band.start, band.stop, columns) };
    const found = (await loaded.run(pair)).fused;
    levels(found.data, band, columns, out);
    found.dispose();
    report(band.to / ir.h);
  }
  return out;
}
