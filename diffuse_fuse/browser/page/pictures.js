// Files → pairs of bytes, and pictures → files, in a worker.
import { plane, resized, rint } from "./filters.js";

const MOST_PIXELS = 24e6; // of one picture: what a browser's memory takes
const LEAST_SIDE = 16;
const ASPECT_TOLERANCE = 0.02;
const [COLOURED, COLOURLESS] = [2, 0.5]; // mean spread of R, G, B, as diffuse_fuse/images/load.py has them
const ELSEWHERE = "dfuse fuse and dfuse serve read it";

export class Refused extends Error {}

const startsWith = (bytes, ...codes) => codes.every((code, at) => bytes[at] === code);
const holds = (bytes, text) => new TextDecoder("latin1").decode(bytes).includes(text);

/** { format, deep }: what the first bytes of a file say. Raises Refused for what no browser reads as it is meant. */
export function sniffed(bytes, name) {
  if (startsWith(bytes, 0x49, 0x49, 0x2a, 0) || startsWith(bytes, 0x4d, 0x4d, 0, 0x2a)) {
    throw new Refused(`${name} is a TIFF, which browsers do not read: ${ELSEWHERE}, or save it as PNG.`);
  }
  if (startsWith(bytes, 0x93, 0x4e, 0x55, 0x4d)) throw new Refused(`${name} is a NumPy array: ${ELSEWHERE}.`);
  if (startsWith(bytes, 0xff, 0xd8) && holds(bytes, "FLIR\0")) {
    throw new Refused(`${name} is a radiometric JPEG, and a browser sees its screen only, not its temperatures: ${ELSEWHERE}.`);
  }
  if (startsWith(bytes, 0x89, 0x50, 0x4e, 0x47)) return { format: "PNG", deep: bytes[24] === 16 };
  const known = [["JPEG", 0xff, 0xd8], ["BMP", 0x42, 0x4d], ["WebP", 0x52, 0x49, 0x46, 0x46]];
  const found = known.find(([, ...codes]) => startsWith(bytes, ...codes));
  return { format: found ? found[0] : "picture", deep: false };
}

/** A file as { w, h, data: three bytes a pixel, format, deep, spread, grey }. Raises Refused. */
export async function decoded(file, name) {
  const said = sniffed(new Uint8Array(await file.slice(0, 1 << 17).arrayBuffer()), name);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    throw new Refused(`${name} is damaged, or no picture that this browser reads: it reads PNG, JPEG, WebP and BMP.`);
  }
  const { width: w, height: h } = bitmap;
  try {
    if (w * h > MOST_PIXELS) {
      throw new Refused(`${name} has ${Math.round(w * h / 1e6)} megapixels, and this page takes ${MOST_PIXELS / 1e6}: dfuse fuse takes more.`);
    }
    if (Math.min(w, h) < LEAST_SIDE) throw new Refused(`${name} has ${w}×${h} pixels: at least ${LEAST_SIDE}×${LEAST_SIDE} are needed.`);
    return { w, h, ...said, ...bytesOf(bitmap) };
  } finally {
    bitmap.close();
  }
}

function bytesOf(bitmap) {
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#000"; // under what is transparent
  context.fillRect(0, 0, bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
  const { data: rgba } = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const data = new Uint8Array(rgba.length / 4 * 3);
  let spread = 0;
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    const [r, g, b] = [rgba[from], rgba[from + 1], rgba[from + 2]];
    data[to] = r;
    data[to + 1] = g;
    data[to + 2] = b;
    spread += Math.max(r, g, b) - Math.min(r, g, b);
  }
  return { data, spread: spread / (rgba.length / 4), grey: spread === 0 };
}

/** The infrared picture as one byte a pixel: what all channels hold, or else their luma. */
function oneChannel({ w, h, data, grey }, luma) {
  const out = plane(w, h, Uint8Array);
  for (let at = 0; at < out.data.length; at += 1) {
    const [r, g, b] = [data[3 * at], data[3 * at + 1], data[3 * at + 2]];
    out.data[at] = grey ? r : rint(luma[0] * r + luma[1] * g + luma[2] * b);
  }
  return out;
}

/** Two decoded pictures as the fusion takes them, at the visible one's size: { ir, vis, warnings }. Raises Refused. */
export function pairOf(ir, vis, { blackHot, stretch, luma }) {
  if (ir.deep) throw new Refused(`The infrared picture has 16 bits, of which a browser reads 8: ${ELSEWHERE}.`);
  const warnings = [];
  if (ir.spread > COLOURED && vis.spread < COLOURLESS) {
    warnings.push("The infrared picture is in colour and the visible one is grey: swap them if they are the wrong way round.");
  } else if (ir.spread > COLOURED) {
    warnings.push("The infrared picture is in colours, and their brightness is used, which need not grow with the temperature: dfuse fuse turns the palettes of thermal cameras back.");
  }
  if (vis.deep) warnings.push("The visible picture has 16 bits a channel, of which the browser reads 8.");
  let heat = oneChannel(ir, luma);
  if (blackHot) heat.data = heat.data.map((value) => 255 - value);
  if (ir.w !== vis.w || ir.h !== vis.h) {
    const sizes = `The infrared picture is ${ir.w}×${ir.h}, the visible one ${vis.w}×${vis.h}`;
    const ratio = (ir.w * vis.h) / (ir.h * vis.w);
    const differs = Math.max(ratio, 1 / ratio) > 1 + ASPECT_TOLERANCE;
    if (differs && !stretch) {
      throw new Refused(`${sizes}: they do not show the same field. If they do, tick “stretch where they differ”; dfuse fuse --ir-field auto looks for the one in the other.`);
    }
    heat = resized(heat, vis.w, vis.h, 1);
    warnings.push(`${sizes}: the infrared one was resized${differs ? ` and stretched by ${Math.round(100 * (Math.max(ratio, 1 / ratio) - 1))} %` : ""}.`);
  }
  return { ir: heat, vis, warnings };
}

/** An infrared picture as three bytes a pixel. */
export function asColour({ w, h, data }) {
  const out = new Uint8Array(3 * data.length);
  for (let at = 0; at < data.length; at += 1) out.fill(data[at], 3 * at, 3 * at + 3);
  return { w, h, data: out };
}

/** A picture as a file to be shown: no level is lost, and none of the time that compression takes. */
export function bmp({ w, h, data }) {
  const line = (3 * w + 3) & ~3;
  const bytes = new Uint8Array(54 + line * h);
  const head = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  for (const [at, value] of [[2, bytes.length], [10, 54], [14, 40], [18, w], [22, -h], [34, line * h]]) head.setInt32(at, value, true);
  head.setInt16(26, 1, true);
  head.setInt16(28, 24, true);
  for (let y = 0, from = 0; y < h; y += 1) {
    for (let x = 0, to = 54 + y * line; x < w; x += 1, from += 3, to += 3) {
      bytes[to] = data[from + 2];
      bytes[to + 1] = data[from + 1];
      bytes[to + 2] = data[from];
    }
  }
  return new Blob([bytes], { type: "image/bmp" });
}

/** A picture as a PNG or JPEG file ("png", "jpg") with an XMP packet, if there is one. */
export async function encoded({ w, h, data }, format, packet) {
  const canvas = new OffscreenCanvas(w, h);
  const rgba = new Uint8ClampedArray(4 * w * h).fill(255);
  for (let from = 0, to = 0; from < data.length; from += 3, to += 4) {
    rgba[to] = data[from];
    rgba[to + 1] = data[from + 1];
    rgba[to + 2] = data[from + 2];
  }
  canvas.getContext("2d").putImageData(new ImageData(rgba, w, h), 0, 0);
  const type = format === "jpg" ? "image/jpeg" : "image/png";
  const blob = await canvas.convertToBlob({ type, quality: 0.95 });
  if (!packet) return blob;
  const [bytes, note] = [new Uint8Array(await blob.arrayBuffer()), new TextEncoder().encode(packet)];
  const [at, piece] = format === "jpg" ? [2, jpegPacket(note)] : [33, pngPacket(note)]; // after the header
  return new Blob([bytes.subarray(0, at), piece, bytes.subarray(at)], { type });
}

function jpegPacket(note) {
  const name = new TextEncoder().encode("http://ns.adobe.com/xap/1.0/\0");
  const length = 2 + name.length + note.length;
  return Uint8Array.from([0xff, 0xe1, length >> 8, length & 255, ...name, ...note]);
}

function pngPacket(note) {
  const body = Uint8Array.from([...new TextEncoder().encode("iTXtXML:com.adobe.xmp\0\0\0\0\0"), ...note]);
  const out = new Uint8Array(body.length + 8);
  new DataView(out.buffer).setUint32(0, body.length - 4);
  out.set(body, 4);
  new DataView(out.buffer).setUint32(body.length + 4, crc(body));
  return out;
}

function crc(bytes) {
  let found = -1;
  for (const byte of bytes) {
    found ^= byte;
    for (let bit = 0; bit < 8; bit += 1) found = (found >>> 1) ^ (found & 1 ? 0xedb88320 : 0);
  }
  return ~found >>> 0;
}
