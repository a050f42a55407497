/* Reads packed cells (gridgis/maps/arcs.py, packing.py) into arrays. No text is ever read as HTML. */
(function () {
"use strict";
var WORLD = 1073741824;  /* the world is this wide in the units of a model: about 4 cm each */

function signed(value) { return value & 1 ? -(value + 1) / 2 : value / 2; }

function sums(counts) {
  var at = new Int32Array(counts.length + 1);
  for (var i = 0; i < counts.length; i++) { at[i + 1] = at[i] + counts[i]; }
  return at;
}

/* Arcs with all their corners, and rings as arcs: twice the number, plus one if walked the other way. */
function shapes(reader) {
  var pieces = reader.column();
  reader.column();  /* which rings are holes: the way round says the same */
  var arcs = reader.column(), kinds = reader.column(), first = reader.column(), next = reader.column();
  var inner = reader.column(), dx = reader.column(), dy = reader.column();
  var made = { ringAt: sums(pieces), refAt: sums(arcs), refs: new Int32Array(kinds.length) };
  var arcAt = made.arcAt = new Int32Array(inner.length + 1);
  for (var a = 0; a < inner.length; a++) { arcAt[a + 1] = arcAt[a] + inner[a] + 2; }
  var x = made.x = new Float64Array(arcAt[inner.length]), y = made.y = new Float64Array(x.length);
  var refs = made.refs, count = 0, toFirst = 0, toNext = 0, step = 0, leadX = 0, leadY = 0, hereX = 0, hereY = 0;

  function toStart(ref) {
    var place = ref & 1 ? arcAt[(ref >> 1) + 1] - 1 : arcAt[ref >> 1];
    hereX = x[place];
    hereY = y[place];
  }
  function move() {
    hereX += signed(dx[step]);
    hereY += signed(dy[step++]);
  }
  function numbers(from, to) {
    var fresh = count, last = -1;
    for (var i = from; i < to; i++) {
      if (!kinds[i]) {
        refs[i] = 2 * fresh++;
        last = -1;
      } else {
        last = last < 0 ? fresh - 1 - first[toFirst++] : last + signed(next[toNext++]);
        refs[i] = 2 * last + (kinds[i] === 1 ? 1 : 0);
      }
    }
  }
  function draw(arc, i, to) {
    var place = arcAt[arc], last = arcAt[arc + 1] - 1;
    x[place] = hereX;
    y[place] = hereY;
    for (place++; place < last; place++) {
      move();
      x[place] = hereX;
      y[place] = hereY;
    }
    if (i + 1 === to) {
      hereX = leadX;
      hereY = leadY;
    } else if (kinds[i + 1] && refs[i + 1] >> 1 !== arc) {
      toStart(refs[i + 1]);
    } else {
      move();
    }
    x[last] = hereX;
    y[last] = hereY;
  }
  for (var ring = 0; ring < arcs.length; ring++) {
    var from = made.refAt[ring], to = made.refAt[ring + 1];
    numbers(from, to);
    if (kinds[from]) {
      toStart(refs[from]);
    } else {
      hereX = leadX;
      hereY = leadY;
      move();
    }
    leadX = hereX;
    leadY = hereY;
    for (var i = from; i < to; i++) {
      if (kinds[i]) { toStart(refs[i] ^ 1); } else { draw(count++, i, to); }
    }
  }
  return made;
}

/* From steps of the raster to the square of Web Mercator. */
function project(made, raster) {
  var x = new Int32Array(made.x.length), y = new Int32Array(x.length), turn = Math.PI / 180;
  for (var i = 0; i < x.length; i++) {
    var sine = Math.sin((raster[3] + made.y[i]) * raster[1] / 1e9 * turn);
    x[i] = Math.round(((raster[2] + made.x[i]) * raster[0] / 1e9 / 360 + 0.5) * WORLD);
    y[i] = Math.round((0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * WORLD);
  }
  made.x = x;
  made.y = y;
}

function successor(code) {
  var tail = /[0-9]{1,15}$/.exec(code)[0], after = String(Number(tail) + 1);
  while (after.length < tail.length) { after = "0" + after; }
  return code.slice(0, code.length - tail.length) + after;
}

function codes(reader) {
  var kept = reader.column(), lengths = reader.column(), letters = reader.column(), found = [], place = 0, left = 0, before = "";
  for (var i = 0; i < kept.length; i++) {
    if (kept[i]) {
      /* what is kept is counted in whole characters, as Python does */
      before = Array.from(before).slice(0, kept[i] - 1).join("");
      for (var end = place + lengths[left++]; place < end; place++) { before += String.fromCodePoint(letters[place]); }
    } else {
      before = successor(before);
    }
    found.push(before);
  }
  return found;
}

/* A measure as whole numbers of its last decimal; where nothing is shown, the mark is not 0. */
function measure(reader, described) {
  var mark = reader.column(), shown = described.texts || reader.column();
  var value = described.texts ? [] : new Float64Array(mark.length);
  for (var i = 0, place = 0; i < mark.length; i++) {
    value[i] = mark[i] ? NaN : described.texts ? shown[place++] : shown[place++] + described.least;
  }
  return { name: described.name, decimals: described.decimals, mark: mark, value: value };
}

function classesOf(reader, theme, model) {
  if (theme.by === "parent") { return model.parentOf; }
  if (theme.by === "cell") { return reader.column(); }
  var from = model.measures[theme.measure], found = new Int32Array(model.count);
  for (var i = 0; i < found.length; i++) {
    if (from.mark[i]) {
      found[i] = theme.marks[from.mark[i] - 1];
    } else {
      found[i] = theme.starts.length - 1;
      while (from.value[i] < theme.starts[found[i]]) { found[i]--; }
    }
  }
  return found;
}

/* Everything in a block of data, ready to draw. */
function unpack(data) {
  if (data.form !== "gridgis-cells-1") { throw new Error("unknown form of cells: " + data.form); }
  var reader = new gridgis.Reader(data.packed), model = shapes(reader), changes;
  project(model, data.raster);
  model.count = data.cells;
  model.bounds = data.bounds.map(function (value) { return value / 1e9; });
  model.codes = codes(reader);
  changes = reader.column();
  model.parentOf = new Int32Array(changes.length);
  for (var i = 0, parent = 0; i < changes.length; i++) { model.parentOf[i] = parent += signed(changes[i]); }
  model.measures = data.measures.map(function (described) { return measure(reader, described); });
  model.themes = data.themes.map(function (theme) {
    var looks = theme.looks.map(function (look) { return { fill: look[0], hatched: Boolean(look[1]), cells: look[2] }; });
    return { key: theme.key, measure: theme.measure, classes: looks, classOf: classesOf(reader, theme, model) };
  });
  model.parents = data.parents;
  model.internal = data.internal;
  model.texts = data.texts;
  model.lang = data.lang;
  return model;
}

gridgis.unpack = unpack;
gridgis.WORLD = WORLD;
})();
