// Re-lights a pair that standard input holds, for test_relight.py: a line of JSON, then the bytes of ir and of vis.
import { pathToFileURL } from "node:url";
import { readFileSync, writeFileSync } from "node:fs";

const given = readFileSync(0);
const end = given.indexOf(10);
const { script, width, height, balance, constants } = JSON.parse(given.subarray(0, end).toString());
const { relight } = await import(pathToFileURL(script));
const pixels = width * height;
const picture = (from, channels) => ({ w: width, h: height, data: new Uint8Array(given.subarray(from, from + channels * pixels)) });
const { ir, vis } = relight(picture(end + 1, 1), picture(end + 1 + pixels, 3), balance, constants);
writeFileSync(1, Buffer.concat([Buffer.from(ir.data), Buffer.from(vis.data)]));
