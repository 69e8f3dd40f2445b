// Files of a drop, a choice or a folder → pairs.
const MOST_LOOKED_AT = 50;
const PICTURE = /\.(png|jpe?g|jpe|jfif|tiff?|webp|bmp|jp2|j2k|p[gpnb]m|npy|rjpe?g)$/i;

/** Everything that was dropped, folders with all that is in them: [{ file, path }]. */
async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
  if (!entries.length) return chosenFiles(transfer.files);
  const found = [];
  const read = async (entry) => {
    if (entry.isFile) {
      const file = await new Promise((done, failed) => { entry.file(done, failed); });
      found.push({ file, path: entry.fullPath.replace(/^\//, "") });
      return;
    }
    const reader = entry.createReader();
    for (;;) { // a reader gives a hundred at a time
      const some = await new Promise((done, failed) => { reader.readEntries(done, failed); });
      if (!some.length) return;
      for (const each of some) await read(each);
    }
  };
  for (const entry of entries) await read(entry);
  return found;
}

function chosenFiles(files) {
  return [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

const holdsBoth = (facts) => facts.embedded.some((picture) => picture.kind === "visible" && picture.width);

/** How much a file looks like an infrared picture. */
function looksInfrared(facts) {
  if (facts.thermal && facts.thermal.unit !== "levels") return 3;
  if (facts.content && facts.content.startsWith("false")) return 2;
  return facts.content === "grey" ? 1 : 0;
}

/** { pairs: [{ ir, vis, label }], left: [names without a partner] }; vis is null where ir holds both. Raises Error. */
async function pairsOf(all) {
  const pictures = all.filter(({ file, path }) => PICTURE.test(path) && !file.name.startsWith("."));
  if (!pictures.length) throw new Error("There is no picture among these files.");
  if (pictures.length === 1) {
    const [{ file }] = pictures;
    if (!holdsBoth(await inspect(file))) {
      throw new Error(`${file.name} holds one picture only: drop it together with its partner, infrared and visible.`);
    }
    return { pairs: [{ ir: file, vis: null, label: file.name }], left: [] };
  }
  const byPath = new Map(pictures.map(({ file, path }) => [path, file]));
  const found = await pairsAmong([...byPath.keys()]);
  const pairs = found.pairs.map(({ ir, vis }) => ({ ir: byPath.get(ir), vis: byPath.get(vis), label: vis }));
  const left = [];
  for (const path of found.alone) {
    if (await holdsPair(byPath.get(path), left.length)) pairs.push({ ir: byPath.get(path), vis: null, label: path });
    else left.push(path);
  }
  if (pairs.length) return { pairs, left };
  if (pictures.length === 2) return { pairs: [await toldApart(pictures[0].file, pictures[1].file)], left: [] };
  throw new Error(
    `The names of these ${pictures.length} pictures do not tell which belong together: name the two of a pair alike, ` +
    "such as 12_ir.png and 12_vis.jpg, or put them into two folders, ir and vis.");
}

/** True for a radiometric JPEG with a visible picture inside; after many that are none, no more are looked at. */
async function holdsPair(file, others) {
  if (others >= MOST_LOOKED_AT || !/\.(jpe?g|jpe|jfif|rjpe?g)$/i.test(file.name)) return false;
  return inspect(file).then(holdsBoth, () => false);
}

/** A pair of two pictures, by what they hold. */
async function toldApart(first, second) {
  const swapped = looksInfrared(await inspect(second)) > looksInfrared(await inspect(first));
  const [ir, vis] = swapped ? [second, first] : [first, second];
  return { ir, vis, label: vis.name };
}

/** The rendered street as two files. */
async function samplePair(kind) {
  const file = async (side) => {
    const answer = await ask(`page/${kind}_${side}.jpg`);
    return new File([await answer.blob()], `${kind}_${side}.jpg`, { type: "image/jpeg" });
  };
  return { ir: await file("ir"), vis: await file("vis"), label: `the street by ${kind}` };
}
